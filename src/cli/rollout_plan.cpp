#include "cli/rollout_plan.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <cmath>
#include <sstream>

#include "base/errors.hpp"

namespace aloft::cli {
namespace {

std::vector<std::string> split(const std::string& text, char at, std::size_t most) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (parts.size() + 1 < most) {
    const std::size_t end = text.find(at, begin);
    if (end == std::string::npos) break;
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<Json> wave_json(const std::string& text) {
  const auto parts = split(text, ':', 2);
  Json wave = Json::object();
  if (parts[0].ends_with('%')) {
    wave["permille"] = TRY(permille_of(parts[0]));
  } else if (const auto count = number_of(parts[0])) {
    wave["count"] = *count;
  } else {
    return fail(kBadArgument,
                "--wave " + text + ": write a share (5%) or a number of devices (20), and how long to soak behind a colon (5%:2h)");
  }
  if (parts.size() == 2) wave["soak_s"] = TRY(seconds_of(parts[1]));
  return wave;
}

Result<Json> gate_json(const std::string& text) {
  const auto parts = split(text, ':', 3);
  if (parts.size() < 2)
    return fail(kBadArgument,
                "--gate " + text + ": write what must not be too often and the most that is allowed, as any:2% or silent:1%:50");
  Json gate{{"failure", parts[0]}};
  gate["max_permille"] = TRY(permille_of(parts[1]));
  if (parts.size() == 2) return gate;
  const auto sample = number_of(parts[2]);
  if (!sample) return fail(kBadArgument, "--gate " + text + ": the least sample is a number of devices");
  gate["min_sample"] = *sample;
  return gate;
}

std::optional<double> real_of(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

// What stands before the first colon: MEASURE>LIMIT, MEASURE<LIMIT, MEASURE+SHARE% or MEASURE-SHARE%.
std::optional<Json> health_rule_json(const std::string& text) {
  const bool is_share = text.ends_with('%');
  const std::size_t at = text.find_last_of(is_share ? "+-" : "<>");
  if (at == std::string::npos || at == 0) return std::nullopt;
  Json rule{{"measure", text.substr(0, at)}, {"worse", text[at] == '>' || text[at] == '+' ? "higher" : "lower"}};
  const std::string_view number = std::string_view(text).substr(at + 1, text.size() - at - 1 - (is_share ? 1 : 0));
  const auto share = number_of(number);
  const auto limit = real_of(number);
  if (is_share ? !share.has_value() : !limit.has_value()) return std::nullopt;
  if (is_share) rule["worse_percent"] = *share;
  if (!is_share) rule["limit"] = *limit;
  return rule;
}

// A number alone is hours, too. A sample that is given is not none.
Result<std::uint64_t> hours_of(const std::string& text) {
  const auto hours = number_of(text);
  if (hours && *hours > 0) return *hours;
  const std::uint64_t seconds = hours ? 0 : TRY(seconds_of(text));
  if (seconds > 0 && seconds % 3600 == 0) return seconds / 3600;
  return fail(kBadArgument, "--health-gate: the least time up is whole hours, as 48h, not " + text);
}

Result<Json> health_gate_json(const std::string& text) {
  const auto parts = split(text, ':', 3);
  auto gate = health_rule_json(parts[0]);
  if (!gate)
    return fail(kBadArgument, "--health-gate " + text + ": write crash-reboots>0.01 or cpu-temp+10%, then :DEVICES and :HOURS as 20:48h");
  const auto devices = parts.size() > 1 ? number_of(parts[1]) : std::optional<std::uint64_t>(10);
  if (!devices) return fail(kBadArgument, "--health-gate " + text + ": the least sample is a number of devices");
  (*gate)["min_devices"] = *devices;
  if (parts.size() > 2) (*gate)["min_hours"] = TRY(hours_of(parts[2]));
  return *std::move(gate);
}

Result<Json> growth_json(const std::string& text) {
  const auto parts = split(text, ':', 2);
  const auto factor = parts[0].ends_with('%') ? number_of(std::string_view(parts[0]).substr(0, parts[0].size() - 1)) : std::nullopt;
  if (!factor || parts.size() != 2) return fail(kBadArgument, "--rate-growth " + text + ": write the factor and the interval, as 150%:10m");
  const std::uint64_t interval_s = TRY(seconds_of(parts[1]));
  return Json{{"factor_percent", *factor}, {"interval_s", interval_s}};
}

Result<Json> window_json(const std::string& text) {
  Json window = Json::object();
  std::string times = text;
  if (!times.empty() && times[0] >= 'a' && times[0] <= 'z') {
    const auto parts = split(text, ':', 2);
    window["days"] = split(parts[0], ',', 7);
    times = parts.size() == 2 ? parts[1] : "";
  }
  const auto ends = split(times, '-', 2);
  if (ends.size() != 2) return fail(kBadArgument, "--window " + text + ": write times of day, as 22:00-05:00 or sat,sun:22:00-05:00");
  window["from"] = ends[0];
  window["until"] = ends[1];
  return window;
}

Result<std::uint64_t> time_of(const std::string& text) {
  constexpr const char* kForm = "%Y-%m-%dT%H:%M:%SZ";
  std::istringstream stream(text);
  std::tm parts{};
  stream >> std::get_time(&parts, kForm);
  const std::time_t seconds = ::timegm(&parts);
  std::ostringstream again;  // timegm makes March of a 30th of February, and what follows the time is not read
  again << std::put_time(&parts, kForm);
  if (stream.fail() || seconds < 0 || again.str() != text)
    return fail(kBadArgument, "--start-at " + text + ": write a time in UTC, as 2026-01-31T22:00:00Z");
  return static_cast<std::uint64_t>(seconds) * 1000;
}

}  // namespace

Result<std::uint64_t> seconds_of(const std::string& text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = number_of(text.substr(0, digits));
  const std::string unit = text.substr(digits);
  const std::uint64_t factor = unit.empty() || unit == "s" ? 1 : (unit == "m" ? 60 : (unit == "h" ? 3600 : (unit == "d" ? 86'400 : 0)));
  if (!number || factor == 0 || *number > 10'000'000) return fail(kBadArgument, "\"" + text + "\" is no time; write 90s, 30m, 2h or 7d");
  return *number * factor;
}

Result<std::uint64_t> permille_of(const std::string& text) {
  const auto wrong = [&text] { return fail(kBadArgument, "\"" + text + "\" is no share; write 5% or 2.5%"); };
  if (!text.ends_with('%')) return wrong();
  const auto parts = split(text.substr(0, text.size() - 1), '.', 2);
  const auto whole = number_of(parts[0]);
  const auto tenth = parts.size() == 2 && parts[1].size() == 1
                         ? number_of(parts[1])
                         : std::optional<std::uint64_t>(parts.size() == 1 ? std::optional<std::uint64_t>(0) : std::nullopt);
  if (!whole || !tenth || *whole > 100 || *whole * 10 + *tenth > 1000) return wrong();
  return *whole * 10 + *tenth;
}

void add_plan_options(CLI::App& command, RolloutPlanOptions& options) {
  auto* target = command.add_option_group("target", "Which devices")->require_option(1);
  target->add_option("--filter", options.filter, "Those that match, see docs/filters.md");
  target->add_option("--group", options.group, "Those of this group");
  command.add_option("--name", options.name, "For people; default: the release");
  command.add_option("--description", options.description, "For people");
  command.add_option("--wave", options.waves,
                     "SHARE% or COUNT of the target, counted from the first wave on, and :SOAK; as 1%:2h 10%:1d 100%");
  command.add_option("--gate", options.gates, "FAILURE:SHARE% or FAILURE:SHARE%:SAMPLE; failure is any, failed, rolled-back or silent");
  command.add_option(
      "--health-gate", options.health_gates,
      "MEASURE>LIMIT, MEASURE<LIMIT, or MEASURE+SHARE% and MEASURE-SHARE% against what the devices ran before; then :DEVICES "
      "and :HOURS of the least sample; as 'crash-reboots>0.01:20:48h'. Measures: crash-reboots, unexpected-reboots, own metrics");
  command.add_option("--success", options.success,
                     "The share of a wave that must commit; then the soak begins without waiting for the others");
  command.add_option("--rollback-release", options.rollback_release,
                     "On a broken gate go back to this release (number) instead of pausing");
  command.add_option("--rate", options.rate, "At most so many devices a minute");
  command.add_option("--rate-growth", options.rate_growth,
                     "FACTOR%:INTERVAL, by which the rate grows: 150%:10m is half as much again every 10 min");
  command.add_option("--deadline", options.deadline, "A device that is not heard of for so long has failed")->capture_default_str();
  command.add_option("--retries", options.retries, "After failed and rolled-back")->check(CLI::Range(0, 10));
  command.add_flag("--adopt", options.adopt, "Devices that come to match later join");
  command.add_flag("--needs-approval", options.approval, "Of somebody else, before it can be started");
  command.add_option("--start-at", options.start_at, "UTC, as 2026-01-31T22:00:00Z; without it: `aloft rollout start`");
  command.add_option("--window", options.window, "When devices may begin, in their own time: 22:00-05:00, or sat,sun:22:00-05:00");
  add_download_policy(command, options.download);
  command.add_flag("--download-only", options.download_only, "Devices write it, and install it when it is released: aloft rollout release");
  command.add_flag("--consent", options.consent, "A person at the device has to agree first");
}

Result<Json> plan_json(const RolloutPlanOptions& options, std::uint64_t release) {
  Json plan{{"name", options.name.empty() ? "release " + std::to_string(release) : options.name},
            {"description", options.description},
            {"release", release},
            {"rate_per_minute", options.rate},
            {"retries", options.retries},
            {"adopt", options.adopt},
            {"needs_approval", options.approval}};
  plan["deadline_s"] = TRY(seconds_of(options.deadline));
  if (!options.rate_growth.empty()) plan["rate_growth"] = TRY(growth_json(options.rate_growth));
  if (!options.group.empty()) plan["group"] = options.group;
  if (!options.filter.empty()) plan["filter"] = options.filter;
  Json waves = Json::array();
  for (const std::string& wave : options.waves) waves.push_back(TRY(wave_json(wave)));
  plan["waves"] = std::move(waves);
  Json gates = Json::array();
  for (const std::string& gate : options.gates) gates.push_back(TRY(gate_json(gate)));
  plan["gates"] = std::move(gates);
  Json health_gates = Json::array();
  for (const std::string& gate : options.health_gates) health_gates.push_back(TRY(health_gate_json(gate)));
  plan["health_gates"] = std::move(health_gates);
  if (!options.success.empty()) plan["success_permille"] = TRY(permille_of(options.success));
  if (options.rollback_release != 0) {
    plan["on_broken"] = "roll-back";
    plan["rollback_release"] = options.rollback_release;
  }
  if (!options.start_at.empty()) plan["start_at_ms"] = TRY(time_of(options.start_at));
  Json policy = Json::object();
  if (options.consent) policy["consent"] = true;
  if (options.download_only) policy["download_only"] = true;
  if (Json download = download_policy_json(options.download); !download.empty()) policy["download"] = std::move(download);
  if (!options.window.empty()) policy["window"] = TRY(window_json(options.window));
  plan["policy"] = std::move(policy);
  return plan;
}

}  // namespace aloft::cli
