// What the running system says of itself.
#pragma once

#include <string>

#include "agent/config.hpp"
#include "base/result.hpp"

namespace aloft::agent {

struct SystemFacts {
  std::string booted_group;  // "A"
  std::string boot_id;       // differs after every start of the kernel
  std::string version;       // of the running system; "unknown" where the file is missing
  std::string machine_id;    // empty where there is none
  bool systemd = false;      // it is process 1
};

// The value of `aloft.slot=` on a kernel command line; the last one counts. Empty when absent.
std::string slot_of_command_line(std::string_view command_line);

// Reads them by the paths in config.agent. The booted group must be configured, and where the file system at / lies on a block device
// that belongs to another group's slot, that contradiction is an error: nothing may be written then. Errors: kBootedGroup.
Result<SystemFacts> read_system_facts(const Config& config);

}  // namespace aloft::agent
