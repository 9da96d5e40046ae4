// Boot control for GRUB: two kinds of variables in its environment block, read by the grub.cfg of integration/bootloader/grub.
//   ORDER="B A"      slots in the order of trial
//   B_STATE=good     committed; a digit 1-9: on trial, so many tries left; 0: bad, or tries used up
// What GRUB does with them: docs/boot-control.md.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "boot/grub_block.hpp"
#include "boot/record_control.hpp"
#include "boot/settings.hpp"

namespace aloft::boot {

inline constexpr unsigned kGrubTries = 9;

class GrubControl final : public RecordControl {
 public:
  // block: the environment block's file. slots: all names that grub.cfg knows.
  GrubControl(std::unique_ptr<Region> block, std::vector<std::string> slots)
      : RecordControl(std::move(slots), kGrubTries), block_(std::move(block)) {}
  Result<std::vector<std::string>> examine(Probe probe) override;

 protected:
  Result<BootState> load() override;
  Result<> store(const BootState& state) override;

 private:
  GrubBlock block_;
};

// Settings: grubenv, convention.
Result<std::unique_ptr<BootControl>> open_grub(const Settings& settings, std::vector<std::string> slots);

}  // namespace aloft::boot
