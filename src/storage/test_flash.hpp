// For tests: an image by its content alone, devices that are lent to a target, and a search through power cuts, once and twice.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "base/flash.hpp"
#include "base/ubi.hpp"
#include "bundle/test_bundle.hpp"
#include "storage/sim_medium.hpp"
#include "storage/target.hpp"

namespace aloft::storage::test {

inline bundle::Image image_of(ByteView content, const std::string& type = "raw") {
  return {.name = "image", .slot_class = "slot", .type = type, .size_bytes = content.size(), .sha256 = crypto::sha256(content)};
}

// In pieces as frames come, which fit no block.
inline Result<> stream(StreamTarget& target, ByteView content, std::size_t piece = 1500) {
  TRY(target.begin(image_of(content)));
  for (std::size_t at = 0; at < content.size(); at += piece) TRY(target.append(content.subspan(at, std::min(piece, content.size() - at))));
  return target.finish();
}

class LentFlash final : public Flash {
 public:
  explicit LentFlash(Flash& flash) : flash_(flash) {}
  const Geometry& geometry() const override { return flash_.geometry(); }
  Result<bool> is_bad(std::uint64_t block) override { return flash_.is_bad(block); }
  Result<> mark_bad(std::uint64_t block) override { return flash_.mark_bad(block); }
  Result<Ecc> read(std::uint64_t offset, MutableByteView buffer) override { return flash_.read(offset, buffer); }
  Result<Done> erase(std::uint64_t block) override { return flash_.erase(block); }
  Result<Done> program(std::uint64_t offset, ByteView bytes) override { return flash_.program(offset, bytes); }

 private:
  Flash& flash_;
};

class LentUbi final : public Ubi {
 public:
  explicit LentUbi(Ubi& ubi) : ubi_(ubi) {}
  Result<std::vector<UbiVolume>> volumes() override { return ubi_.volumes(); }
  Result<> make(const std::string& name, std::uint64_t bytes, UbiKind kind) override { return ubi_.make(name, bytes, kind); }
  Result<> remove(int id) override { return ubi_.remove(id); }
  Result<> rename_volumes(std::span<const UbiRename> volumes) override { return ubi_.rename_volumes(volumes); }
  Result<std::unique_ptr<UbiUpdate>> update(int id, std::uint64_t bytes) override { return ubi_.update(id, bytes); }
  Result<std::size_t> read(int id, std::uint64_t offset, MutableByteView buffer) override { return ubi_.read(id, offset, buffer); }

 private:
  Ubi& ubi_;
};

// Runs `work` on copies of a device, cut at each of its operations in turn; lets `judge` look at each outcome; runs it again from there,
// as the agent does when the power is back, cut in the same way once more; and in the end uncut, when `done` must be true. Device:
// copyable, with a member `medium`, a SimMedium on `power`.
template <typename Device>
class TwoCuts {
 public:
  std::function<void(Device&)> work;
  std::function<void(Device&)> judge;
  std::function<bool(Device&)> done;
  std::uint64_t states = 0;

  // Returns how many states a cut left, at both levels.
  std::uint64_t run(Power& power, const Device& fresh) {
    states = 0;
    cut(power, fresh, 2);
    return states;
  }

 private:
  void cut(Power& power, const Device& from, unsigned levels) {
    for (std::uint64_t at = 1; !::testing::Test::HasFailure(); ++at) {
      Device device = from;
      power.cut_at(at);
      bool was_cut = false;
      try {
        work(device);
      } catch (const PowerLost&) {
        was_cut = true;
      }
      power.cut_at(0);
      if (!was_cut) {
        EXPECT_TRUE(done(device));
        return;
      }
      settle_each(power, device, at, levels);
    }
  }
  void settle_each(Power& power, const Device& device, std::uint64_t at, unsigned levels) {
    const std::size_t outcomes = device.medium.outcomes(Effort::thorough);
    for (std::size_t outcome = 0; outcome < outcomes && !::testing::Test::HasFailure(); ++outcome) {
      ++states;
      Device after = device;
      after.medium.settle(outcome, Effort::thorough, at);
      judge(after);
      if (levels > 1) {
        cut(power, after, levels - 1);
      } else {
        work(after);
        judge(after);
        EXPECT_TRUE(done(after)) << "not finished after the next start";
      }
      if (::testing::Test::HasFailure()) ADD_FAILURE() << "power cut at operation " << at << ", outcome " << outcome;
    }
  }
};

}  // namespace aloft::storage::test
