// Boot control for EFI Boot Guard: one config partition with its environment (BGENV.DAT) for each slot. The highest revision boots.
//   revision > 0, OK          committed
//   revision > 0, INSTALLED   on trial: EFI Boot Guard makes it TESTING and starts it; a trial is one boot
//   TESTING, FAILED           the try is used up; EFI Boot Guard makes TESTING FAILED with revision 0 at the next boot
//   in progress, revision 0   bad: marked by us, while an update is written for instance
// EFI Boot Guard arms the hardware watchdog with the environment's timeout before it starts the kernel.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "boot/bgenv.hpp"
#include "boot/boot_control.hpp"
#include "boot/region.hpp"
#include "boot/settings.hpp"

namespace aloft::boot {

// What a slot's environment starts. Written anew whenever the slot is armed.
struct GuardSlot {
  std::string name;
  std::unique_ptr<Region> environment;
  std::string kernel;     // "\aloft\a\linux.efi", or with a label before it: "C:BOOT0:linux.efi"
  std::string arguments;  // root=... aloft.slot=A
};

class BootGuardControl final : public BootControl {
 public:
  // watchdog_s: for the environments that are written; 0: off.
  BootGuardControl(std::vector<GuardSlot> slots, std::uint16_t watchdog_s) : slots_(std::move(slots)), watchdog_s_(watchdog_s) {}

  unsigned max_tries() const override { return 1; }
  Result<BootState> read() override;
  Result<std::optional<std::string>> booted() override { return std::nullopt; }
  Result<> arm(std::string_view slot, unsigned tries) override;
  Result<> commit(std::string_view slot) override;
  Result<> mark_bad(std::string_view slot) override;
  Result<> confirm(std::string_view) override { return {}; }
  Result<> rebuild(std::string_view booted) override;
  Result<std::optional<std::string>> restart_argument() override { return std::nullopt; }
  bool trial_needs_argument() const override { return false; }
  Result<std::vector<std::string>> examine(Probe probe) override;

 private:
  // By slot; nothing: unreadable to EFI Boot Guard too.
  using Environments = std::map<std::string, std::optional<GuardEnv>, std::less<>>;
  Result<Environments> look();
  Result<BootState> state_of(const Environments& now) const;
  Result<GuardSlot*> find(std::string_view slot);
  Result<> store(GuardSlot& slot, const GuardEnv& env);
  Result<> confirm_in_place(GuardSlot& slot, GuardEnv env);
  Result<> park(GuardSlot& slot, const Environments& now);
  Result<std::size_t> room_for_variables(const Environments& now) const;
  Result<GuardEnv> fresh(const GuardSlot& slot, const Environments& now, GuardState state) const;

  std::vector<GuardSlot> slots_;
  std::uint16_t watchdog_s_;
};

Result<std::unique_ptr<BootControl>> open_boot_guard(const Settings& settings, std::vector<std::string> slots);

}  // namespace aloft::boot
