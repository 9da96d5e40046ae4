// For tests: the search through all power cuts of one piece of work on one device, several cuts in a row.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "storage/block_device.hpp"
#include "storage/sim_disk.hpp"

namespace aloft::storage::test {

inline constexpr std::uint64_t kMiB = 1ULL << 20;

// ALOFT_CUTS=all in the environment (./dev lab campaign simulated): what takes too long for every day, too.
inline bool all_cuts_wanted() {
  const char* const asked = std::getenv("ALOFT_CUTS");
  return asked && std::string_view(asked) == "all";
}

// What the code takes over, where the test keeps the device.
class Borrowed final : public BlockDevice {
 public:
  explicit Borrowed(BlockDevice& device) : device_(device) {}
  std::uint64_t size_bytes() const override { return device_.size_bytes(); }
  Result<> read(std::uint64_t offset, MutableByteView buffer) override { return device_.read(offset, buffer); }
  Result<> write(std::uint64_t offset, ByteView bytes) override { return device_.write(offset, bytes); }
  Result<> flush() override { return device_.flush(); }

 private:
  BlockDevice& device_;
};

// What is to be done on a device, and what must hold.
template <typename Device>
struct CutStory {
  const char* name;
  std::function<void(Device&)> work;   // again after a cut
  std::function<void(Device&)> judge;  // what a cut has left, before the work is taken up again
  std::function<bool(Device&)> done;   // what stands once the work has returned, whatever a cut does then
};

// Does the work, cuts the power at each of its operations, and goes on from each outcome of what was not flushed; then the same for a cut
// in that, and for one after all is done. States that are equal are gone on from once. Copies of a device are independent of each other,
// and share `power`.
template <typename Device>
class CutSearch {
 public:
  CutSearch(const CutStory<Device>& story, Power& power, Effort effort = Effort::thorough)
      : story_(story), power_(power), effort_(effort) {}

  void run(const Device& fresh, unsigned cuts_in_a_row) {
    std::vector<Cut> level{{fresh, ""}};
    for (unsigned row = 0; !level.empty() && !::testing::Test::HasFailure(); ++row) {
      std::vector<Cut> next;
      for (const Cut& cut : level) go_on(cut, row < cuts_in_a_row ? &next : nullptr, row + 1 == cuts_in_a_row);
      level = std::move(next);
    }
    ::testing::Test::RecordProperty("cuts", std::to_string(cuts_));
    ::testing::Test::RecordProperty("lives", std::to_string(seen_.size()));
    std::printf("%s: %llu power cuts, %zu different states\n", story_.name, static_cast<unsigned long long>(cuts_), seen_.size());
  }

 private:
  struct Cut {
    Device device;
    std::string places;  // how it came about
  };

  // The states that a further cut can leave are put into `next`, or gone on from at once where they are the last.
  void go_on(const Cut& cut, std::vector<Cut>* next, bool next_is_last) {
    if (::testing::Test::HasFailure()) return;
    const ::testing::ScopedTrace trace(__FILE__, __LINE__, story_.name + cut.places);
    std::vector<Device> moments;
    Device device(cut.device);
    if (!cut.places.empty()) story_.judge(device);
    if (next) power_.watch([&] { moments.push_back(device); });
    story_.work(device);
    power_.watch(nullptr);
    // Work that has returned is durable: what a cut takes away then was not waited for.
    for (std::size_t outcome = 0; outcome < device.outcomes(effort_); ++outcome) {
      Device after(device);
      after.settle(outcome, effort_, moments.size());
      EXPECT_TRUE(story_.done(after)) << "not finished, with outcome " << outcome << " of a power cut after it has returned";
    }
    for (std::size_t at = 0; at < moments.size(); ++at) {
      const std::size_t outcomes = moments[at].outcomes(effort_);
      for (std::size_t outcome = 0; outcome < outcomes; ++outcome, ++cuts_) {
        Device after(moments[at]);
        after.settle(outcome, effort_, at);
        Fingerprint fingerprint;
        after.add_to(fingerprint);
        if (!seen_.insert(fingerprint.value()).second) continue;
        Cut further{std::move(after),
                    cut.places + "\n  power cut at operation " + std::to_string(at + 1) + ", outcome " + std::to_string(outcome)};
        if (next_is_last) {
          go_on(further, nullptr, false);
        } else {
          next->push_back(std::move(further));
        }
      }
    }
  }

  const CutStory<Device>& story_;
  Power& power_;
  const Effort effort_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen_;
  std::uint64_t cuts_ = 0;
};

}  // namespace aloft::storage::test
