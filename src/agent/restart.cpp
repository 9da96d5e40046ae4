#include "agent/restart.hpp"

#include <linux/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.hpp"

namespace aloft::agent {

std::vector<std::string> restart_command(const AgentConfig& config, bool systemd, const std::optional<std::string>& argument) {
  if (!config.reboot_command.empty()) {
    std::vector<std::string> command = config.reboot_command;
    if (argument) command.push_back(*argument);
    return command;
  }
  if (!systemd) return argument ? std::vector<std::string>() : std::vector<std::string>{"reboot"};
  std::vector<std::string> command{"systemctl", "--no-block", "reboot"};
  if (argument) command.push_back("--reboot-argument=" + *argument);
  return command;
}

Result<> restart_directly(const std::string& argument) {
  ::sync();
  ::syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART2, argument.c_str());
  return fail(system_error("restarting the machine with the argument", argument, errno));
}

}  // namespace aloft::agent
