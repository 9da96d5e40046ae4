// Is this system good? Asked while it is on trial, and by `aloftd doctor`.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

#include "agent/config.hpp"
#include "base/result.hpp"

namespace aloft::agent {

// Runs every executable of config.dir in the order of their names; each must exit with 0 within config.check_timeout, and all before
// `deadline`. A missing folder has no checks. Files that are not executable, end in '~' or begin with a dot are passed over. Blocks.
// Errors: kHealthFailed and kHealthTimeout, with the check's name and the last line that it printed.
Result<> run_health_checks(const HealthConfig& config, std::chrono::steady_clock::time_point deadline, const std::atomic<bool>& stop);

// Waits until systemd has finished starting up, then fails when any unit has failed but that of a stick (aloft-usb@). Blocks, until
// `deadline` or `stop` at the latest. Errors: kUnitsFailed with the units' names, kTrialDeadline.
Result<> check_systemd_units(std::chrono::steady_clock::time_point deadline, const std::atomic<bool>& stop);

// "a.service, b.mount" of the lines of `systemctl list-units --failed --plain --no-legend`, without a stick's, which says nothing about
// this system: it was plugged in and could not be installed.
std::string failed_units(std::string_view list);

}  // namespace aloft::agent
