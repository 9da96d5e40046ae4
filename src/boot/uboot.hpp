// Boot control for U-Boot by the variables that RAUC's integrators have in their boot scripts, and one of ours:
//   BOOT_ORDER="B A"   slots in the order in which they are tried; one that is not named is never booted
//   BOOT_B_LEFT=3      tries left, hexadecimal; 0: not booted. Without it, as many as the script gives
//   aloft_trial=B      the slot on trial, if any. The project's script counts only this one; a script of RAUC's kind counts every boot,
//                      and confirm() fills the counter up again
// What the script does with them: docs/boot-control.md.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "boot/record_control.hpp"
#include "boot/settings.hpp"
#include "boot/uboot_env.hpp"

namespace aloft::boot {

inline constexpr unsigned kUbootTries = 9;

// What both conventions have in common: the environment, and what to begin with when it is lost.
class UbootControl : public RecordControl {
 public:
  Result<std::vector<std::string>> examine(Probe probe) final;

 protected:
  UbootControl(std::unique_ptr<UbootEnvironment> environment, std::filesystem::path initial_env, std::vector<std::string> slots)
      : RecordControl(std::move(slots), kUbootTries), environment_(std::move(environment)), initial_env_(std::move(initial_env)) {}
  // All variables, or kBootStateCorrupt; then those to begin with are remembered.
  Result<> load_variables();
  std::string value(std::string_view name) const;
  void set(std::string_view name, std::string value) { variables_.insert_or_assign(std::string(name), std::move(value)); }
  Result<> save();

 private:
  std::unique_ptr<UbootEnvironment> environment_;
  std::filesystem::path initial_env_;
  UbootVariables variables_;
  std::optional<Error> no_beginning_;  // the environment is lost, and so is what it began with
};

class UbootOrderControl final : public UbootControl {
 public:
  // initial_env: lines NAME=VALUE, what U-Boot has built in (U-Boot's u-boot-initial-env), for a lost environment. attempts: what
  // confirm() fills BOOT_x_LEFT of a committed slot up to.
  UbootOrderControl(std::unique_ptr<UbootEnvironment> environment, std::filesystem::path initial_env, std::vector<std::string> slots,
                    unsigned attempts)
      : UbootControl(std::move(environment), std::move(initial_env), std::move(slots)), attempts_(attempts) {}
  Result<> confirm(std::string_view booted) override;

 protected:
  Result<BootState> load() override;
  Result<> store(const BootState& state) override;

 private:
  unsigned attempts_;
};

// Settings: convention, fw_env_config, initial_env, attempts, part_variable, [boot.part].
Result<std::unique_ptr<BootControl>> open_uboot(const Settings& settings, std::vector<std::string> slots);

}  // namespace aloft::boot
