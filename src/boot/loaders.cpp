#include "boot/loaders.hpp"

#include <algorithm>
#include <array>

#include "boot/grub.hpp"

namespace aloft::boot {
namespace {

constexpr std::array kGrubSettings{
    Setting{.key = "grubenv", .kind = SettingKind::path, .required = true},
};

// clang-format off
constexpr std::array kLoaders{
    Loader{"grub", kGrubSettings, kGrubTries, open_grub},
};
// clang-format on

}  // namespace

std::span<const Loader> loaders() { return kLoaders; }

const Loader* find_loader(std::string_view name) {
  const auto found = std::ranges::find(kLoaders, name, &Loader::name);
  return found == kLoaders.end() ? nullptr : &*found;
}

}  // namespace aloft::boot
