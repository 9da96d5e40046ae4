// What the running system says of itself.
#pragma once

#include <string>

#include "agent/config.hpp"
#include "agent/root_device.hpp"
#include "base/result.hpp"
#include "boot/boot_control.hpp"

namespace aloft::agent {

struct SystemFacts {
  std::string booted_group;      // "A"
  std::string boot_id;           // differs after every start of the kernel
  std::string version;           // of the running system; "unknown" where the file is missing
  std::string machine_id;        // empty where there is none
  bool systemd = false;          // it is process 1
  bool chosen_as_trial = false;  // by the boot loader's word, where it says one (aloft.state=trial)
};

// Reads them by the paths in config.agent. Which group booted is told by the boot loader itself (control.booted()), by `aloft.slot=`,
// `rauc.slot=` or `bootchooser.active=` on the kernel's command line, and by the device of the root file system (root_device.hpp). At least
// one must tell, the group must be configured, and where two tell different things that is an error: nothing may be written then. Errors:
// kBootedGroup.
Result<SystemFacts> read_system_facts(const Config& config, boot::BootControl& control, const DeviceTrees& trees = {});

}  // namespace aloft::agent
