// systemd as the keeper of the hardware watchdog in normal operation: RuntimeWatchdogSec= of systemd-system.conf(5).
#pragma once

#include <chrono>
#include <filesystem>

#include "base/result.hpp"

namespace aloft::agent {

// Makes systemd open the watchdog and ping it from now until the next boot, and over the restart: a drop-in in
// `folder` (/run/systemd/system.conf.d, gone after a restart) and a reload. Blocks for the reload. Errors: of the write, kProcess.
Result<> give_watchdog_to_systemd(const std::filesystem::path& folder, const std::filesystem::path& device, std::chrono::seconds timeout);

}  // namespace aloft::agent
