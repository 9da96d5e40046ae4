// `aloftd install --dry-run`: a rehearsal on this device.
#pragma once

#include <string>

#include "agent/client.hpp"
#include "agent/config.hpp"

namespace aloft::agent {

// Prints what would be done. Opens everything for reading only, and needs no daemon; as root. Errors: kWouldNotInstall where something
// would stop it, those of the bundle, the boot state and the booted group.
Result<> dry_run(const Config& config, const std::string& uri, Output output);

}  // namespace aloft::agent
