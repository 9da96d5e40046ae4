#include "agent/reset_guard.hpp"

#include <unistd.h>

#include <algorithm>
#include <thread>

#include "agent/early_watchdog.hpp"
#include "agent/errors.hpp"
#include "base/log.hpp"

namespace aloft::agent {
namespace {

constexpr std::chrono::milliseconds kHandOverStep{20};
constexpr unsigned kHandOverSteps = 100;  // 2 s

std::string seconds_text(std::chrono::seconds time) { return std::to_string(time.count()) + " s"; }

}  // namespace

ResetGuard::ResetGuard(WatchdogConfig config, Giver give_to_systemd, WatchdogPlaces places)
    : config_(std::move(config)), give_to_systemd_(std::move(give_to_systemd)), places_(std::move(places)) {}

// A device is open to one process at a time, so its keeper from the initramfs has to go first; the hardware counts on meanwhile.
Result<Watchdog> ResetGuard::take(bool early_dismissed) const {
  auto watchdog = Watchdog::open(config_.device, config_.timeout);
  if (watchdog || watchdog.error().code.number != kWatchdogHeld.number) return watchdog;
  if (!early_dismissed && !dismiss_early_watchdog(places_.proc)) return watchdog;
  for (unsigned step = 0; !watchdog && step < kHandOverSteps; ++step) {
    std::this_thread::sleep_for(kHandOverStep);
    watchdog = Watchdog::open(config_.device, config_.timeout);
  }
  if (watchdog) log::info("hardware watchdog taken over from the initramfs");
  return watchdog;
}

void ResetGuard::arm(SteadyTime now, SteadyTime ping_until) {
  ping_until_ = ping_until;
  next_ = now;
  if (watchdog_ || systemd_has_it_ || config_.device.empty()) return;
  // Opening it would be a ping.
  if (now > ping_until && watchdog_facts(config_.device, places_.sysfs).running)
    return log::warning("hardware watchdog " + config_.device.string() + " runs, and its time is over: it is left to reset the machine");
  auto watchdog = take();
  if (!watchdog) return log::warning(watchdog.error().text());
  watchdog_ = *std::move(watchdog);
  log::info("hardware watchdog " + config_.device.string() + " armed, " + seconds_text(watchdog_->timeout()));
}

void ResetGuard::disarm() {
  if (!watchdog_ || given_to_systemd()) return;
  if (config_.locked || watchdog_facts(config_.device, places_.sysfs).cannot_be_stopped) {
    if (ping_until_ == SteadyTime::max()) return;
    ping_until_ = SteadyTime::max();
    return log::info("hardware watchdog cannot be stopped; it is pinged from now on");
  }
  watchdog_->disarm();
  watchdog_.reset();
  log::info("hardware watchdog released");
}

// The hardware counts on from the agent's last ping to systemd's first: there is no moment without it.
bool ResetGuard::given_to_systemd() {
  if (config_.systemd_timeout.count() == 0 || !give_to_systemd_) return false;
  watchdog_->ping();
  watchdog_.reset();
  const auto given = give_to_systemd_(config_.systemd_timeout);
  auto again = Watchdog::open(config_.device, config_.timeout);
  if (again) {
    watchdog_ = *std::move(again);
    log::warning("systemd did not take the hardware watchdog" + (given ? "" : ": " + given.error().text()));
    return false;
  }
  systemd_has_it_ = true;
  log::info("hardware watchdog given to systemd, " + seconds_text(config_.systemd_timeout));
  return true;
}

void ResetGuard::settle(SteadyTime now) {
  if (watchdog_) return disarm();
  if (config_.device.empty() || systemd_has_it_) return;
  const bool wanted = config_.systemd_timeout.count() != 0 && give_to_systemd_;
  const bool early = dismiss_early_watchdog(places_.proc);
  if (!wanted && !early && !config_.locked && !watchdog_facts(config_.device, places_.sysfs).running) return;
  auto watchdog = take(early);
  if (!watchdog) {
    systemd_has_it_ = wanted && watchdog.error().code.number == kWatchdogHeld.number;  // since an earlier start of the agent
    return log::info("hardware watchdog is left alone: " + watchdog.error().message);
  }
  watchdog_ = *std::move(watchdog);
  next_ = now;
  disarm();
}

void ResetGuard::tick(SteadyTime now) {
  if (!watchdog_ || now < next_ || now > ping_until_) return;
  watchdog_->ping();
  next_ = now + std::clamp<std::chrono::milliseconds>(watchdog_->timeout() / 4, std::chrono::seconds(1), std::chrono::seconds(15));
}

std::optional<SteadyTime> ResetGuard::next_tick() const {
  if (!watchdog_ || next_ > ping_until_) return std::nullopt;
  return next_;
}

WatchdogStatus ResetGuard::status() const {
  return WatchdogStatus{.present = !config_.device.empty() && ::access(config_.device.c_str(), F_OK) == 0,
                        .armed = watchdog_.has_value() || systemd_has_it_,
                        .timeout_s = static_cast<std::uint64_t>((watchdog_ ? watchdog_->timeout() : config_.timeout).count()),
                        .caused_last_boot = watchdog_facts(config_.device, places_.sysfs).caused_last_boot};
}

}  // namespace aloft::agent
