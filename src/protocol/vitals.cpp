#include "protocol/vitals.hpp"

#include <algorithm>
#include <cmath>

#include "base/errors.hpp"

namespace aloft::protocol {
namespace {

constexpr std::array<std::string_view, kBootReasons> kReasons{"requested", "watchdog", "panic", "overheated", "power-fault", "unclear"};
constexpr std::uint64_t kMaxCount = INT64_MAX;

std::unexpected<Error> bad(const std::string& what) { return fail(kBadJson, "vitals: " + what); }

Result<double> real_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number() || !std::isfinite(found->get<double>()))
    return bad("\"" + std::string(key) + "\" of a metric must be a number");
  return found->get<double>();
}

Result<Vitals::Metric> metric_of(const Json& json) {
  auto object = TRY(JsonObject::of(json, "metric"));
  Vitals::Metric metric{
      .count = TRY(object.number("count", kMaxCount)), .sum = TRY(real_of(json, "sum")), .last = TRY(real_of(json, "last"))};
  const bool within = is_metric_value(metric.last) && is_metric_value(metric.sum / static_cast<double>(metric.count));
  if (metric.count == 0 || !within) return bad("a metric has at least one value, and none beyond 1e15");
  return metric;
}

Result<Reboots> reboots_of(const Json& json) {
  Reboots reboots{};
  for (const auto& [name, count] : json.items()) {
    const auto found = std::ranges::find(kReasons, name);
    if (!count.is_number_unsigned() || count.get<std::uint64_t>() > UINT32_MAX) return bad("\"reboots\" are whole numbers");
    // A reason that this side does not know yet is an unexpected one all the same.
    const auto at = found == kReasons.end() ? kBootReasons - 1 : static_cast<std::size_t>(found - kReasons.begin());
    reboots[at] += count.get<std::uint64_t>();
  }
  return reboots;
}

}  // namespace

std::string_view to_string(BootReason reason) { return kReasons[static_cast<std::size_t>(reason)]; }

Result<BootReason> boot_reason_of(std::string_view name) {
  const auto found = std::ranges::find(kReasons, name);
  if (found == kReasons.end()) return bad("\"" + std::string(name.substr(0, 32)) + "\" is no reason of a start");
  return static_cast<BootReason>(found - kReasons.begin());
}

std::uint64_t crashes_in(const Reboots& reboots) {
  return reboots[static_cast<std::size_t>(BootReason::watchdog)] + reboots[static_cast<std::size_t>(BootReason::panic)];
}

std::uint64_t unexpected_in(const Reboots& reboots) {
  std::uint64_t sum = 0;
  for (std::size_t reason = 1; reason < kBootReasons; ++reason) sum += reboots[reason];
  return sum;
}

bool is_metric_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, fits) && name != "crash-reboots" && name != "unexpected-reboots";
}

bool is_metric_value(double value) { return std::isfinite(value) && std::abs(value) <= kMaxMetricValue; }

Json to_json(const Vitals::Version& version) {
  Json reboots = Json::object();
  for (std::size_t reason = 0; reason < kBootReasons; ++reason)
    if (version.reboots[reason] != 0) reboots[std::string(kReasons[reason])] = version.reboots[reason];
  Json metrics = Json::object();
  for (const auto& [name, metric] : version.metrics)
    metrics[name] = Json{{"count", metric.count}, {"sum", metric.sum}, {"last", metric.last}};
  return Json{{"version", version.version},
              {"began", version.began},
              {"uptime_s", version.uptime_s},
              {"reboots", std::move(reboots)},
              {"metrics", std::move(metrics)}};
}

template <>
Result<Vitals::Version> from_json(const Json& json) {
  auto object = TRY(JsonObject::of(json, "version"));
  Vitals::Version version;
  version.version = TRY(object.text("version", 128));
  version.began = TRY(object.number("began", kMaxCount));
  version.uptime_s = TRY(object.number("uptime_s", UINT32_MAX));
  version.reboots = TRY(reboots_of(*TRY(object.object("reboots"))));
  const Json* metrics = TRY(object.optional_object("metrics"));
  if (metrics == nullptr) return version;
  if (metrics->size() > kMaxMetrics) return bad("more than " + std::to_string(kMaxMetrics) + " metrics");
  for (const auto& [name, metric] : metrics->items()) {
    if (!is_metric_name(name)) return bad("a metric's name is 1-64 of A-Z a-z 0-9 . _ -, and none of the server's own");
    version.metrics.emplace(name, TRY(metric_of(metric)));
  }
  return version;
}

Json to_json(const Vitals& message) {
  Json versions = Json::array();
  for (const Vitals::Version& version : message.versions) versions.push_back(to_json(version));
  return Json{{"last_boot", to_string(message.last_boot)}, {"versions", std::move(versions)}};
}

template <>
Result<Vitals> from_json(const Json& json) {
  auto object = TRY(JsonObject::of(json, "vitals"));
  Vitals message{.last_boot = boot_reason_of(TRY(object.text("last_boot", 32))).value_or(BootReason::unclear), .versions = {}};
  for (const Json& element : *TRY(object.array("versions", kMaxVitalsVersions))) {
    Vitals::Version version = TRY(from_json<Vitals::Version>(element));
    const bool in_order = message.versions.empty() || message.versions.back().began < version.began;
    const auto is_same = [&version](const Vitals::Version& other) { return other.version == version.version; };
    if (!in_order || std::ranges::any_of(message.versions, is_same)) return bad("each version stands once, by \"began\"");
    message.versions.push_back(std::move(version));
  }
  return message;
}

}  // namespace aloft::protocol
