#include "agent/reset_guard.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/file.hpp"
#include "base/log.hpp"

namespace aloft::agent {
namespace {

constexpr unsigned long kCardReset = 0x0020;  // WDIOF_CARDRESET

// Without opening the device, which would start it.
bool reset_by_watchdog(const std::filesystem::path& device) {
  std::string name = device.filename().string();
  if (name == "watchdog") name = "watchdog0";
  const auto text = read_file("/sys/class/watchdog/" + name + "/bootstatus", 64);
  unsigned long status = 0;
  return text && std::from_chars(text->data(), text->data() + text->size(), status).ec == std::errc{} && (status & kCardReset) != 0;
}

}  // namespace

ResetGuard::ResetGuard(WatchdogConfig config) : config_(std::move(config)) {}

void ResetGuard::arm(SteadyTime now, SteadyTime ping_until) {
  ping_until_ = ping_until;
  next_ = now;
  if (watchdog_ || config_.device.empty()) return;
  auto watchdog = Watchdog::open(config_.device, config_.timeout);
  if (!watchdog) return log::warning(watchdog.error().text());
  watchdog_ = *std::move(watchdog);
  log::info("hardware watchdog " + config_.device.string() + " armed, " + std::to_string(watchdog_->timeout().count()) + " s");
}

void ResetGuard::disarm() {
  if (!watchdog_) return;
  watchdog_->disarm();
  watchdog_.reset();
  log::info("hardware watchdog released");
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
                        .armed = watchdog_.has_value(),
                        .timeout_s = static_cast<std::uint64_t>((watchdog_ ? watchdog_->timeout() : config_.timeout).count()),
                        .caused_last_boot = (watchdog_ && watchdog_->caused_last_boot()) || reset_by_watchdog(config_.device)};
}

}  // namespace aloft::agent
