#include "boot/loaders.hpp"

#include <algorithm>
#include <array>

#include "boot/android.hpp"
#include "boot/barebox.hpp"
#include "boot/custom.hpp"
#include "boot/grub.hpp"
#include "boot/uboot.hpp"

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

// clang-format off
constexpr std::array kLoaders{
    Loader{"grub",  kGrubSettings,  kGrubTries,  open_grub},
    Loader{"uboot", kUbootSettings, kUbootTries, open_uboot},
    Loader{"android", kAndroidSettings, kAndroidTries, open_android},
    Loader{"barebox", kBareboxSettings, kBareboxTries, open_barebox},
    Loader{"custom", kCustomSettings, kCustomTries, open_custom},
};
// clang-format on

}  // namespace

std::span<const Loader> loaders() { return kLoaders; }

const Loader* find_loader(std::string_view name) {
  const auto found = std::ranges::find(kLoaders, name, &Loader::name);
  return found == kLoaders.end() ? nullptr : &*found;
}

}  // namespace aloft::boot
