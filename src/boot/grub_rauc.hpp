// Boot control for GRUB by the variables that RAUC's integrators have in their grub.cfg (rauc contrib/grub.conf), and one of ours:
//   ORDER="B A"      slots in the order of trial
//   B_OK=1           the slot may be booted
//   B_TRY=1          it was booted and has not come up yet: it is passed over. GRUB sets it at every boot, confirm() clears it
//   aloft_trial=B    the slot on trial, if any; GRUB passes over this
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "boot/grub_block.hpp"
#include "boot/record_control.hpp"

namespace aloft::boot {

class GrubRaucControl final : public RecordControl {
 public:
  GrubRaucControl(std::unique_ptr<Region> block, std::vector<std::string> slots)
      : RecordControl(std::move(slots), 1), block_(std::move(block)) {}
  Result<> confirm(std::string_view booted) override;
  Result<std::vector<std::string>> examine(Probe probe) override;

 protected:
  Result<BootState> load() override;
  Result<> store(const BootState& state) override;

 private:
  Result<> load_block();
  GrubBlock block_;
};

}  // namespace aloft::boot
