#include "fleet/health.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "fleet/errors.hpp"

namespace aloft::fleet {
namespace {

constexpr std::uint64_t kMaxPercent = 100'000;
constexpr std::uint64_t kMaxSample = 1'000'000;

bool is_of_reboots(const std::string& measure) { return measure == kCrashReboots || measure == kUnexpectedReboots; }

std::string text_of(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

std::string hours_text(std::uint64_t seconds) { return text_of(static_cast<double>(seconds) / 3600) + " h"; }

struct Sample {
  std::uint64_t devices;
  std::uint64_t uptime_s;  // the smaller of the two sides
};

bool is_enough(const HealthGate& gate, const Sample& sample) {
  return sample.devices >= gate.min_devices && (!is_of_reboots(gate.measure) || sample.uptime_s >= gate.min_hours * 3600);
}

bool is_beyond(HealthGate::Worse worse, double value, double limit) {
  return worse == HealthGate::Worse::higher ? value > limit : value < limit;
}

std::string breach_of_limit(const HealthGate& gate, const ReleaseHealth& health, const HealthMeasure& measure) {
  const char* const side = gate.worse == HealthGate::Worse::higher ? "above" : "below";
  return gate.measure + " is " + text_of(measure.value) + " (" + std::to_string(measure.devices) + " devices" +
         (is_of_reboots(gate.measure) ? ", per device-hour, in " + hours_text(health.uptime_s) : "") + "), " + side + " " +
         text_of(*gate.limit);
}

std::string breach_of_step(const HealthGate& gate, const HealthMeasure& measure) {
  return gate.measure + " is " + text_of(measure.step_value) + (is_of_reboots(gate.measure) ? " per device-hour" : "") + ", and was " +
         text_of(measure.before_value) + " with what the same " + std::to_string(measure.step_devices) +
         " devices ran before; allowed is worse by " + std::to_string(*gate.worse_percent) + " %";
}

// No value when the sample is too small.
std::optional<bool> over_limit(const HealthGate& gate, const ReleaseHealth& health, const HealthMeasure& measure) {
  if (!is_enough(gate, {.devices = measure.devices, .uptime_s = health.uptime_s})) return std::nullopt;
  return is_beyond(gate.worse, measure.value, *gate.limit);
}

std::optional<bool> worse_than_before(const HealthGate& gate, const ReleaseHealth& health, const HealthMeasure& measure) {
  const std::uint64_t uptime_s = std::min(health.step_uptime_s, health.before_uptime_s);
  if (!is_enough(gate, {.devices = measure.step_devices, .uptime_s = uptime_s})) return std::nullopt;
  const double margin = std::abs(measure.before_value) * static_cast<double>(*gate.worse_percent) / 100;
  const double allowed = measure.before_value + (gate.worse == HealthGate::Worse::higher ? margin : -margin);
  return is_beyond(gate.worse, measure.step_value, allowed);
}

Result<std::optional<double>> optional_real(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) return std::nullopt;
  if (!found->is_number() || !protocol::is_metric_value(found->get<double>()))
    return fail(kRolloutPlan, "rollout: a health gate's \"" + std::string(key) + "\" is a number within 1e15");
  return found->get<double>();
}

}  // namespace

const HealthMeasure* find_measure(const ReleaseHealth& health, const std::string& name) {
  const auto found = std::ranges::find(health.measures, name, &HealthMeasure::name);
  return found == health.measures.end() ? nullptr : &*found;
}

Json to_json(const ReleaseHealth& health) {
  Json reboots = Json::object();
  for (std::size_t reason = 0; reason < protocol::kBootReasons; ++reason)
    reboots[std::string(protocol::to_string(static_cast<protocol::BootReason>(reason)))] = health.reboots[reason];
  Json from = Json::array();
  for (const auto& [version, devices] : health.from) from.push_back(Json{{"version", version}, {"device_count", devices}});
  Json measures = Json::array();
  for (const HealthMeasure& measure : health.measures) {
    Json json{{"name", measure.name}, {"device_count", measure.devices}, {"value", measure.value}};
    if (measure.step_devices != 0)
      json["step"] = Json{{"device_count", measure.step_devices}, {"value", measure.step_value}, {"before", measure.before_value}};
    measures.push_back(std::move(json));
  }
  return Json{{"device_count", health.devices},
              {"uptime_s", health.uptime_s},
              {"reboots", std::move(reboots)},
              {"step", Json{{"device_count", health.step_devices},
                            {"uptime_s", health.step_uptime_s},
                            {"before_uptime_s", health.before_uptime_s},
                            {"from", std::move(from)}}},
              {"measures", std::move(measures)}};
}

Json to_json(const HealthGate& gate) {
  Json json{{"measure", gate.measure},
            {"worse", gate.worse == HealthGate::Worse::higher ? "higher" : "lower"},
            {"min_devices", gate.min_devices},
            {"min_hours", gate.min_hours}};
  if (gate.limit) json["limit"] = *gate.limit;
  if (gate.worse_percent) json["worse_percent"] = *gate.worse_percent;
  return json;
}

Result<HealthGate> health_gate_of(const Json& json) {
  auto object = TRY(JsonObject::of(json, "health gate"));
  HealthGate gate{.measure = TRY(object.text("measure", 64))};
  const std::string worse = TRY(object.optional_text("worse", 16)).value_or("higher");
  if (worse != "higher" && worse != "lower") return fail(kRolloutPlan, "rollout: a health gate's \"worse\" is higher or lower");
  gate.worse = worse == "higher" ? HealthGate::Worse::higher : HealthGate::Worse::lower;
  if (!is_of_reboots(gate.measure) && !protocol::is_metric_name(gate.measure))
    return fail(kRolloutPlan, "rollout: a health gate's \"measure\" is crash-reboots, unexpected-reboots, or a metric's name");
  gate.limit = TRY(optional_real(json, "limit"));
  gate.worse_percent = TRY(object.optional_number("worse_percent", kMaxPercent));
  gate.min_devices = TRY(object.optional_number("min_devices", kMaxSample)).value_or(gate.min_devices);
  gate.min_hours = TRY(object.optional_number("min_hours", kMaxSample)).value_or(gate.min_hours);
  if (!gate.limit && !gate.worse_percent) return fail(kRolloutPlan, "rollout: a health gate has \"limit\", \"worse_percent\" or both");
  if (gate.min_devices == 0) return fail(kRolloutPlan, "rollout: a health gate's \"min_devices\" is at least 1");
  return gate;
}

std::optional<std::string> broken_by(const HealthGate& gate, const ReleaseHealth& health) {
  const HealthMeasure* measure = find_measure(health, gate.measure);
  if (measure == nullptr) return std::nullopt;
  const bool limit_holds = gate.limit && !over_limit(gate, health, *measure).value_or(false);
  const bool step_holds = gate.worse_percent && !worse_than_before(gate, health, *measure).value_or(false);
  if (limit_holds || step_holds) return std::nullopt;
  return gate.worse_percent ? breach_of_step(gate, *measure) : breach_of_limit(gate, health, *measure);
}

}  // namespace aloft::fleet
