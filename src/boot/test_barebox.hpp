// For tests: barebox with its bootchooser, and a state of three copies.
#pragma once

#include <algorithm>
#include <cstring>

#include "boot/barebox.hpp"
#include "boot/test_loader.hpp"

namespace aloft::boot::test {

class TestBarebox final : public TestLoader {
 public:
  static constexpr std::size_t kStride = 1024;
  static constexpr std::uint32_t kMagic = 0x3f45620b;

  TestBarebox(TestStorage& storage, std::vector<std::string> slots) : storage_(storage), slots_(std::move(slots)) {}
  std::unique_ptr<BootControl> control() override { return std::make_unique<BareboxControl>(state(), layout(), slots_, 3); }

  // As common/bootchooser.c: the highest priority with attempts left; every boot is counted, and with none left all get theirs back
  // (bootchooser.reset_attempts=all-zero, as RAUC's manual has it).
  std::optional<std::string> boot(const std::function<bool(const std::string&)>& loads) override {
    for (int tries = 0; tries < 24; ++tries) {
      auto loaded = state()->load();
      if (!loaded) return loads(slots_.front()) ? std::optional(slots_.front()) : std::nullopt;
      std::string data = *std::move(loaded);
      std::size_t best = slots_.size();
      for (std::size_t i = 0; i < slots_.size(); ++i) {
        if (get(data, 8 * i) == 0 || get(data, 8 * i + 4) == 0) continue;
        if (best == slots_.size() || get(data, 8 * i + 4) > get(data, 8 * best + 4)) best = i;
      }
      if (best == slots_.size()) {
        for (std::size_t i = 0; i < slots_.size(); ++i) {
          if (get(data, 8 * i + 4) != 0) set(data, 8 * i, 3);
        }
      } else {
        set(data, 8 * best, get(data, 8 * best) - 1);
        set(data, 8 * slots_.size(), static_cast<std::uint32_t>(best + 1));
      }
      const std::string copy = format_barebox_copy(data, kMagic);
      for (std::size_t i = 0; i < kBareboxCopies; ++i) storage_.write_unflushed("state", i * kStride, copy);
      if (best < slots_.size() && loads(slots_[best])) return slots_[best];
    }
    return std::nullopt;
  }
  void corrupt() override {
    for (std::size_t i = 0; i < kBareboxCopies; ++i) storage_.write_unflushed("state", i * kStride + 8, std::string(16, '\x11'));
  }

 private:
  std::unique_ptr<BareboxState> state() {
    return std::make_unique<BareboxState>(storage_.region("state", kBareboxCopies * kStride), kMagic, kStride);
  }
  BareboxLayout layout() const {
    BareboxLayout layout;
    for (std::size_t i = 0; i < slots_.size(); ++i)
      layout.slots.emplace(slots_[i], BareboxLayout::Slot{8 * i, 8 * i + 4, static_cast<unsigned>(i + 1)});
    layout.last_chosen_at = 8 * slots_.size();
    layout.data_bytes = 8 * slots_.size() + 4;
    return layout;
  }
  static std::uint32_t get(const std::string& data, std::size_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, data.data() + at, sizeof value);
    return value;
  }
  static void set(std::string& data, std::size_t at, std::uint32_t value) { std::memcpy(data.data() + at, &value, sizeof value); }
  TestStorage& storage_;
  std::vector<std::string> slots_;
};

}  // namespace aloft::boot::test
