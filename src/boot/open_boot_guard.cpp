// EFI Boot Guard's control from its settings.
#include "boot/boot_guard.hpp"
#include "boot/errors.hpp"

namespace aloft::boot {

Result<std::unique_ptr<BootControl>> open_boot_guard(const Settings& settings, std::vector<std::string> slots) {
  std::vector<GuardSlot> described;
  for (const std::string& slot : slots) {
    const std::string environment = settings.of_slot("environments", slot);
    if (!environment.starts_with('/'))
      return fail(kBootSetting, "boot.environments must give the path of slot " + slot + "'s BGENV.DAT, not \"" + environment + "\"");
    described.push_back({slot, FileRegion::whole_file(environment, kMostGuardBytes), settings.of_slot("kernels", slot),
                         settings.of_slot("arguments", slot)});
  }
  return std::make_unique<BootGuardControl>(std::move(described), static_cast<std::uint16_t>(settings.number("watchdog_s")));
}

}  // namespace aloft::boot
