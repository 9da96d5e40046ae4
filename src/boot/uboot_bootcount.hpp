// Boot control for U-Boot by its boot counter, as Mender's integrators use it (U-Boot drivers/bootcount/bootcount_env.c):
//   mender_boot_part=2    what is booted: the partition of a slot, by [boot.part] (the variable's name is a setting); the same in
//                         hexadecimal in mender_boot_part_hex
//   upgrade_available=1   the slot is on trial, and U-Boot counts each boot in bootcount; 0: it is committed, and nothing is counted
//   bootlimit=3           once bootcount is above it, altbootcmd runs: it names the other slot and sets upgrade_available=0
// And two of ours, which U-Boot passes over:
//   aloft_trial=B         the slot that was armed last and neither committed nor taken out
//   aloft_good="A B"      the committed slots
#pragma once

#include "boot/uboot.hpp"

namespace aloft::boot {

class UbootBootcountControl final : public UbootControl {
 public:
  // part_variable: "mender_boot_part". parts: by slot, all different. Two slots, since altbootcmd knows the other only.
  UbootBootcountControl(std::unique_ptr<UbootEnvironment> environment, std::filesystem::path initial_env, std::vector<std::string> slots,
                        std::string part_variable, std::map<std::string, unsigned> parts)
      : UbootControl(std::move(environment), std::move(initial_env), std::move(slots)),
        part_variable_(std::move(part_variable)),
        parts_(std::move(parts)) {}

 protected:
  Result<BootState> load() override;
  Result<> store(const BootState& state) override;

 private:
  unsigned number(std::string_view name) const;
  std::string part_variable_;
  std::map<std::string, unsigned> parts_;
};

// Errors: kBootSetting for other than two slots, and parts that are missing, equal or no number.
Result<std::unique_ptr<BootControl>> open_uboot_bootcount(const Settings& settings, std::unique_ptr<UbootEnvironment> environment,
                                                          std::filesystem::path initial_env, std::vector<std::string> slots);

}  // namespace aloft::boot
