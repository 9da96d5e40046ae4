#include "boot/loaders.hpp"

#include <algorithm>
#include <array>

#include "boot/android.hpp"
#include "boot/barebox.hpp"
#include "boot/boot_guard.hpp"
#include "boot/custom.hpp"
#include "boot/grub.hpp"
#include "boot/systemd_boot.hpp"
#include "boot/tryboot.hpp"
#include "boot/uboot.hpp"
#include "boot/uefi.hpp"

namespace aloft::boot {
namespace {

constexpr std::array kGrubSettings{
    Setting{.key = "grubenv", .kind = SettingKind::path, .required = true},
    Setting{.key = "convention", .kind = SettingKind::choice, .fallback = "aloft", .choices = "aloft|rauc"},
};

constexpr std::array kUbootSettings{
    Setting{.key = "convention", .kind = SettingKind::choice, .fallback = "boot-order", .choices = "boot-order|bootcount"},
    Setting{.key = "fw_env_config", .kind = SettingKind::path, .fallback = "/etc/fw_env.config"},
    Setting{.key = "initial_env", .kind = SettingKind::path, .fallback = "/etc/u-boot-initial-env"},
    Setting{.key = "attempts", .kind = SettingKind::number, .fallback = "3", .least = 1, .most = 9},
    Setting{.key = "part_variable", .kind = SettingKind::text, .fallback = "mender_boot_part"},
    Setting{.key = "part", .kind = SettingKind::per_slot},
};

constexpr std::array kAndroidSettings{
    Setting{.key = "misc", .kind = SettingKind::path, .required = true},
    Setting{.key = "offset", .kind = SettingKind::number, .fallback = "2048", .least = 0, .most = 1 << 30},
    Setting{.key = "backup_offset", .kind = SettingKind::number, .least = 0, .most = 1 << 30},
};

constexpr std::array kBareboxSettings{
    Setting{.key = "device", .kind = SettingKind::path, .required = true},
    Setting{.key = "offset", .kind = SettingKind::number, .fallback = "0", .least = 0, .most = 1LL << 40},
    Setting{.key = "stride", .kind = SettingKind::number, .required = true, .least = 32, .most = 64 << 10},
    Setting{.key = "magic", .kind = SettingKind::number, .required = true, .least = 0, .most = UINT32_MAX},
    Setting{.key = "attempts", .kind = SettingKind::number, .fallback = "3", .least = 1, .most = 9},
    Setting{.key = "attempts_at", .kind = SettingKind::per_slot, .required = true},
    Setting{.key = "priority_at", .kind = SettingKind::per_slot, .required = true},
    Setting{.key = "last_chosen_at", .kind = SettingKind::number, .least = 0, .most = 4096},
    Setting{.key = "target", .kind = SettingKind::per_slot},
};

constexpr std::array kCustomSettings{
    Setting{.key = "executable", .kind = SettingKind::path, .required = true},
    Setting{.key = "timeout_s", .kind = SettingKind::number, .fallback = "30", .least = 1, .most = 600},
    Setting{.key = "most_tries", .kind = SettingKind::number, .fallback = "3", .least = 1, .most = kCustomTries},
};

constexpr std::string_view kEfivars = "/sys/firmware/efi/efivars";

constexpr std::array kUefiSettings{
    Setting{.key = "efivars", .kind = SettingKind::path, .fallback = kEfivars},
    Setting{.key = "labels", .kind = SettingKind::per_slot},
    Setting{.key = "partitions", .kind = SettingKind::per_slot},
    Setting{.key = "files", .kind = SettingKind::per_slot},
    Setting{.key = "arguments", .kind = SettingKind::per_slot},
};

constexpr std::array kSystemdBootSettings{
    Setting{.key = "entries", .kind = SettingKind::path, .required = true},
    Setting{.key = "templates", .kind = SettingKind::path, .required = true},
    Setting{.key = "prefix", .kind = SettingKind::text, .fallback = "aloft-"},
    Setting{.key = "efivars", .kind = SettingKind::path, .fallback = kEfivars},
};

constexpr std::array kBootGuardSettings{
    Setting{.key = "environments", .kind = SettingKind::per_slot, .required = true},
    Setting{.key = "kernels", .kind = SettingKind::per_slot, .required = true},
    Setting{.key = "arguments", .kind = SettingKind::per_slot, .required = true},
    Setting{.key = "watchdog_s", .kind = SettingKind::number, .fallback = "60", .least = 0, .most = 65535},
};

constexpr std::array kTrybootSettings{
    Setting{.key = "autoboot", .kind = SettingKind::path, .required = true},
    Setting{.key = "partitions", .kind = SettingKind::per_slot, .required = true},
    Setting{.key = "device_tree", .kind = SettingKind::path, .fallback = "/proc/device-tree"},
};

// clang-format off
constexpr std::array kLoaders{
    Loader{"grub",         kGrubSettings,        kGrubTries,                 true,  false, open_grub},
    Loader{"uboot",        kUbootSettings,       kUbootTries,                true,  false, open_uboot},
    Loader{"android",      kAndroidSettings,     kAndroidTries,              true,  false, open_android},
    Loader{"barebox",      kBareboxSettings,     kBareboxTries,              true,  false, open_barebox},
    Loader{"custom",       kCustomSettings,      kCustomTries,               true,  false, open_custom},
    Loader{"uefi",         kUefiSettings,        1,                          true,  false, open_uefi},
    Loader{"systemd-boot", kSystemdBootSettings, SystemdBootControl::kTries, false, false, open_systemd_boot},
    Loader{"efibootguard", kBootGuardSettings,   1,                          false, true,  open_boot_guard},
    Loader{"tryboot",      kTrybootSettings,     TrybootControl::kTries,     false, false, open_tryboot},
};
// clang-format on

}  // namespace

std::span<const Loader> loaders() { return kLoaders; }

const Loader* find_loader(std::string_view name) {
  const auto found = std::ranges::find(kLoaders, name, &Loader::name);
  return found == kLoaders.end() ? nullptr : &*found;
}

}  // namespace aloft::boot
