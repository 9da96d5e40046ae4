// How the machine is restarted, where the boot loader may have to be told something by it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/config.hpp"
#include "base/result.hpp"

namespace aloft::agent {

// The program to run, with the argument of reboot(2) where there is one: systemctl takes it as --reboot-argument, a configured
// reboot_command as its last word. Empty: reboot(8) of other init systems knows no argument, so restart_directly() has to do it.
std::vector<std::string> restart_command(const AgentConfig& config, bool systemd, const std::optional<std::string>& argument);

// Syncs and restarts at once by reboot(2) (LINUX_REBOOT_CMD_RESTART2), without stopping anything. Returns only on an error.
Result<> restart_directly(const std::string& argument);

}  // namespace aloft::agent
