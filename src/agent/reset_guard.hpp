// The hardware watchdog's use: armed from before a restart, and from the start of a trial until its commit. The main loop's own.
#pragma once

#include <optional>

#include "agent/config.hpp"
#include "agent/status.hpp"
#include "agent/watchdog.hpp"
#include "base/clock.hpp"

namespace aloft::agent {

class ResetGuard {
 public:
  explicit ResetGuard(WatchdogConfig config);
  // From now on the machine is reset if tick() is not called in time, and in any case some time after `ping_until`. A missing watchdog is
  // told in the log; nothing else happens.
  void arm(SteadyTime now, SteadyTime ping_until);
  void disarm();
  void tick(SteadyTime now);
  // When tick() is next due.
  std::optional<SteadyTime> next_tick() const;
  WatchdogStatus status() const;

 private:
  const WatchdogConfig config_;
  std::optional<Watchdog> watchdog_;
  SteadyTime ping_until_{};
  SteadyTime next_{};
};

}  // namespace aloft::agent
