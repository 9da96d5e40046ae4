#include "agent/trial_start.hpp"

#include <charconv>
#include <utility>

#include "base/log.hpp"

namespace aloft::agent {
namespace {

constexpr std::string_view kTrialFile = "trial-began";

}  // namespace

// "BOOT-ID MILLISECONDS\n"
std::optional<SteadyTime> TrialStart::kept() const {
  const auto content = files_.read(kTrialFile);
  if (!content || !*content || boot_id_.empty() || !(*content)->starts_with(boot_id_ + " ")) return std::nullopt;
  const std::string_view number = std::string_view(**content).substr(boot_id_.size() + 1);
  SteadyTime::rep milliseconds = 0;
  const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), milliseconds);
  if (problem != std::errc() || std::string_view(end, number.data() + number.size()) != "\n") return std::nullopt;
  return SteadyTime(SteadyTime::duration(milliseconds));
}

SteadyTime TrialStart::begun(SteadyTime now) {
  if (begun_) return *begun_;
  forgotten_ = false;
  const auto known = kept();
  kept_ = known && *known <= now;
  begun_ = kept_ ? *known : now;
  if (kept_) log::info("the trial began " + std::to_string((now - *known).count()) + " ms ago, with an earlier start of the agent");
  return *begun_;
}

void TrialStart::keep() {
  if (kept_ || !begun_ || boot_id_.empty()) return;
  const auto written = files_.replace(kTrialFile, boot_id_ + " " + std::to_string(begun_->time_since_epoch().count()) + "\n");
  kept_ = written.has_value();
  if (!written) log::warning("an agent that is started again gives the trial its whole time again: " + written.error().text());
}

void TrialStart::forget() {
  if (std::exchange(forgotten_, true)) return;
  begun_.reset();
  kept_ = false;
  const auto content = files_.read(kTrialFile);
  if (!content || !*content || (*content)->empty()) return;
  if (const auto emptied = files_.replace(kTrialFile, ""); !emptied) log::debug("trial: " + emptied.error().text());
}

}  // namespace aloft::agent
