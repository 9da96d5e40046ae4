// The plan of a rollout as JSON: in the API and in the store.
#include <algorithm>
#include <array>

#include "fleet/errors.hpp"
#include "fleet/filter.hpp"
#include "fleet/fleet.hpp"
#include "fleet/rollout.hpp"

namespace aloft::fleet {
namespace {

constexpr std::size_t kMaxWaves = 50;
constexpr std::size_t kMaxGates = 8;
constexpr std::uint64_t kMaxSeconds = 90ULL * 86'400;
constexpr std::array<std::string_view, 4> kFailures{"any", "failed", "rolled-back", "silent"};

std::unexpected<Error> bad(const std::string& what) { return fail(kRolloutPlan, "rollout: " + what); }

Json to_json(const RolloutPlan::Wave& wave) {
  Json json{{"soak_s", wave.soak_s}};
  if (wave.permille) json["permille"] = *wave.permille;
  if (wave.count) json["count"] = *wave.count;
  return json;
}

Result<RolloutPlan::Wave> wave_of(const Json& json) {
  auto object = TRY(JsonObject::of(json, "wave"));
  RolloutPlan::Wave wave{.permille = TRY(object.optional_number("permille", 1000)),
                         .count = TRY(object.optional_number("count", 1'000'000'000)),
                         .soak_s = TRY(object.optional_number("soak_s", kMaxSeconds)).value_or(0)};
  TRY(object.no_more());
  if (wave.permille.has_value() == wave.count.has_value()) return bad("a wave has either \"permille\" or \"count\"");
  if (wave.permille.value_or(1) == 0 || wave.count.value_or(1) == 0) return bad("a wave must have at least one device");
  return wave;
}

Result<RolloutPlan::Gate> gate_of(const Json& json) {
  auto object = TRY(JsonObject::of(json, "gate"));
  const std::string failure = TRY(object.optional_text("failure", 32)).value_or("any");
  const auto found = std::ranges::find(kFailures, failure);
  if (found == kFailures.end()) return bad("a gate's \"failure\" is any, failed, rolled-back or silent");
  RolloutPlan::Gate gate{.failure = static_cast<RolloutPlan::Failure>(found - kFailures.begin()),
                         .max_permille = TRY(object.number("max_permille", 1000)),
                         .min_sample = TRY(object.optional_number("min_sample", 1'000'000)).value_or(1)};
  TRY(object.no_more());
  if (gate.min_sample == 0) return bad("a gate's \"min_sample\" is at least 1");
  return gate;
}

Result<> read_waves(JsonObject& object, RolloutPlan& plan) {
  const Json* waves = TRY(object.optional_array("waves", kMaxWaves));
  if (waves != nullptr)
    for (const Json& wave : *waves) plan.waves.push_back(TRY(wave_of(wave)));
  for (std::size_t i = 1; i < plan.waves.size(); ++i) {
    const auto& before = plan.waves[i - 1];
    const auto& wave = plan.waves[i];
    if ((before.permille && wave.permille && *before.permille >= *wave.permille) ||
        (before.count && wave.count && *before.count >= *wave.count))
      return bad("waves are counted from the first on, so each must be larger than the one before");
  }
  if (plan.waves.empty() || plan.waves.back().permille != 1000) plan.waves.push_back({.permille = 1000, .count = {}, .soak_s = 0});
  if (plan.waves.size() > kMaxWaves)
    return bad("there are at most " + std::to_string(kMaxWaves) + " waves, with the last one, the whole target");
  return {};
}

Result<> read_gates(JsonObject& object, RolloutPlan& plan) {
  if (const Json* gates = TRY(object.optional_array("gates", kMaxGates)); gates != nullptr)
    for (const Json& gate : *gates) plan.gates.push_back(TRY(gate_of(gate)));
  if (const Json* gates = TRY(object.optional_array("health_gates", kMaxHealthGates)); gates != nullptr)
    for (const Json& gate : *gates) plan.health_gates.push_back(TRY(health_gate_of(gate)));
  plan.success_permille = TRY(object.optional_number("success_permille", 1000)).value_or(0);
  const std::string on_broken = TRY(object.optional_text("on_broken", 32)).value_or("pause");
  if (on_broken != "pause" && on_broken != "roll-back") return bad("\"on_broken\" is pause or roll-back");
  plan.on_broken = on_broken == "pause" ? RolloutPlan::OnBroken::pause : RolloutPlan::OnBroken::roll_back;
  plan.rollback_release = TRY(object.optional_number("rollback_release", kMaxDeploymentId));
  if (plan.on_broken == RolloutPlan::OnBroken::roll_back && !plan.rollback_release)
    return bad("\"on_broken\": \"roll-back\" needs \"rollback_release\", the release to go back to");
  return {};
}

Result<> read_rate(JsonObject& object, RolloutPlan& plan) {
  plan.rate_per_minute = TRY(object.optional_number("rate_per_minute", kMaxRatePerMinute)).value_or(0);
  const Json* json = TRY(object.optional_object("rate_growth"));
  if (json == nullptr) return {};
  auto growth = TRY(JsonObject::of(*json, "rate_growth"));
  plan.rate_growth = {.factor_percent = TRY(growth.number("factor_percent", 1000)),
                      .interval_s = TRY(growth.number("interval_s", kMaxSeconds))};
  TRY(growth.no_more());
  if (plan.rate_per_minute == 0) return bad("\"rate_growth\" needs \"rate_per_minute\", the rate to begin with");
  if (plan.rate_growth->factor_percent < 100) return bad("\"factor_percent\" is at least 100: a rate grows");
  if (plan.rate_growth->interval_s < 10) return bad("\"interval_s\" of \"rate_growth\" is at least 10");
  return {};
}

Result<> read_start(JsonObject& object, RolloutPlan& plan) {
  plan.needs_approval = TRY(object.optional_boolean("needs_approval")).value_or(false);
  if (const auto at = TRY(object.optional_number("start_at_ms", INT64_MAX))) {
    plan.start = RolloutPlan::Start::at_time;
    plan.start_at_ms = *at;
  }
  return {};
}

}  // namespace

Json to_json(const RolloutPlan& plan) {
  Json waves = Json::array();
  for (const auto& wave : plan.waves) waves.push_back(to_json(wave));
  Json gates = Json::array();
  for (const auto& gate : plan.gates)
    gates.push_back(Json{{"failure", kFailures[static_cast<std::size_t>(gate.failure)]},
                         {"max_permille", gate.max_permille},
                         {"min_sample", gate.min_sample}});
  Json health_gates = Json::array();
  for (const HealthGate& gate : plan.health_gates) health_gates.push_back(to_json(gate));
  Json json{{"name", plan.name},
            {"description", plan.description},
            {"release", plan.release},
            {"filter", plan.filter},
            {"waves", std::move(waves)},
            {"gates", std::move(gates)},
            {"health_gates", std::move(health_gates)},
            {"success_permille", plan.success_permille},
            {"on_broken", plan.on_broken == RolloutPlan::OnBroken::pause ? "pause" : "roll-back"},
            {"rate_per_minute", plan.rate_per_minute},
            {"deadline_s", plan.deadline_s},
            {"retries", plan.retries},
            {"adopt", plan.adopt},
            {"needs_approval", plan.needs_approval},
            {"policy", protocol::to_json(plan.policy)}};
  if (plan.rate_growth)
    json["rate_growth"] = Json{{"factor_percent", plan.rate_growth->factor_percent}, {"interval_s", plan.rate_growth->interval_s}};
  if (plan.rollback_release) json["rollback_release"] = *plan.rollback_release;
  if (plan.start == RolloutPlan::Start::at_time) json["start_at_ms"] = plan.start_at_ms;
  return json;
}

Result<RolloutPlan> rollout_plan_of(const Json& json) {
  auto object = TRY(JsonObject::of(json, "rollout"));
  RolloutPlan plan;
  plan.name = TRY(object.text("name", 128));
  plan.description = TRY(object.optional_text("description")).value_or("");
  plan.release = TRY(object.number("release", kMaxDeploymentId));
  plan.filter = TRY(object.text("filter", kMaxFilterBytes));
  if (plan.name.empty()) return bad("it needs a name");
  TRY(TRY(Filter::parse(plan.filter)).check_steady());
  TRY(read_waves(object, plan));
  TRY(read_gates(object, plan));
  TRY(read_start(object, plan));
  TRY(read_rate(object, plan));
  plan.deadline_s = TRY(object.optional_number("deadline_s", kMaxSeconds)).value_or(plan.deadline_s);
  if (plan.deadline_s < 60) return bad("\"deadline_s\" is at least 60");
  plan.retries = TRY(object.optional_number("retries", 10)).value_or(0);
  plan.adopt = TRY(object.optional_boolean("adopt")).value_or(false);
  if (const Json* policy = TRY(object.optional_object("policy")); policy != nullptr)
    plan.policy = TRY(protocol::from_json<protocol::InstallPolicy>(*policy));
  TRY(object.no_more());
  return plan;
}

}  // namespace aloft::fleet
