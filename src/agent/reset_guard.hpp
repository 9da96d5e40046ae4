// The hardware watchdog's use: armed from before a restart, and from the start of a trial until its commit; in normal operation it is left
// alone or given to systemd. The main loop's own.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "agent/config.hpp"
#include "agent/status.hpp"
#include "agent/watchdog.hpp"
#include "base/clock.hpp"

namespace aloft::agent {

// Where the kernel says what it knows; tests have folders of their own.
struct WatchdogPlaces {
  std::filesystem::path sysfs = "/sys/class/watchdog";
  std::filesystem::path proc = "/proc";
};

class ResetGuard {
 public:
  // give_to_systemd: makes systemd open the watchdog, with this timeout; empty where systemd does not run. Blocks.
  using Giver = std::function<Result<>(std::chrono::seconds)>;
  explicit ResetGuard(WatchdogConfig config, Giver give_to_systemd = {}, WatchdogPlaces places = {});

  // From now on the machine is reset if tick() is not called in time, and in any case some time after `ping_until`. Takes over what the
  // initramfs holds; a watchdog that runs, when `ping_until` has passed, is left to it. A missing one is told in the log; nothing else
  // happens.
  void arm(SteadyTime now, SteadyTime ping_until);
  // The system that runs is committed: the reset is called off, or systemd's from now on. Where it cannot be stopped, it is pinged without
  // end.
  void disarm();
  // The system is committed, or turns out to be: as disarm(), also for a watchdog that boot loader or initramfs started. One that is locked
  // may run although the driver does not know.
  void settle(SteadyTime now);
  void tick(SteadyTime now);
  // When tick() is next due.
  std::optional<SteadyTime> next_tick() const;
  WatchdogStatus status() const;

 private:
  Result<Watchdog> take(bool early_dismissed = false) const;
  bool given_to_systemd();

  const WatchdogConfig config_;
  const Giver give_to_systemd_;
  const WatchdogPlaces places_;
  std::optional<Watchdog> watchdog_;
  bool systemd_has_it_ = false;
  SteadyTime ping_until_{};
  SteadyTime next_{};
};

}  // namespace aloft::agent
