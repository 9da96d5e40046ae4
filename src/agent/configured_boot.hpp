// The boot control that system.toml names, opened.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/config.hpp"
#include "boot/boot_control.hpp"

namespace aloft::agent {

std::vector<std::string> group_names(const Config& config);
// Errors: as boot::Loader::open.
Result<std::unique_ptr<boot::BootControl>> open_boot_control(const Config& config);
// Whether the group that booted is not committed, by the boot loader's state. Errors: as open_boot_control, read_system_facts and
// BootControl::read.
Result<bool> is_on_trial(const Config& config);
// Boots of a new system before the boot loader goes back: as configured, or fewer where it cannot count so far.
unsigned tries(const Config& config, const boot::BootControl& control);

}  // namespace aloft::agent
