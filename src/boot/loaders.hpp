// The boot loaders that there is boot control for: `loader` in system.toml's [boot], and what else may stand there for each.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "boot/boot_control.hpp"
#include "boot/settings.hpp"

namespace aloft::boot {

struct Loader {
  std::string_view name;
  std::span<const Setting> settings;
  // The most that BootControl::max_tries() of it ever says.
  unsigned max_tries;
  // Whether a recovery system (a group with that role) is safe with it, whenever the power fails: it goes on to the next slot by itself.
  bool takes_recovery;
  // Whether it starts the hardware watchdog so that nobody can stop it any more.
  bool locks_watchdog;
  // slots: the names of all groups. Writes nothing. Errors: kBootSetting for settings that make no sense together.
  Result<std::unique_ptr<BootControl>> (*open)(const Settings& settings, std::vector<std::string> slots);
};

std::span<const Loader> loaders();
// Null for a name that no loader has.
const Loader* find_loader(std::string_view name);

}  // namespace aloft::boot
