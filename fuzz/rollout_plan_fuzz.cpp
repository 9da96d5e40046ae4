// A rollout's plan, as people send it and as the store keeps it: what is taken can be read again, and means the same.
#include <cstdlib>
#include <string_view>

#include "fleet/filter.hpp"
#include "fleet/rollout.hpp"

extern "C" int rollout_plan_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  const auto json = parse_json({reinterpret_cast<const char*>(data), size});
  if (!json) return 0;
  const auto plan = fleet::rollout_plan_of(*json);
  if (!plan) return 0;
  const Json kept = fleet::to_json(*plan);
  const auto text = parse_json(kept.dump());
  const auto again = text ? fleet::rollout_plan_of(*text) : std::unexpected(text.error());
  if (!again || fleet::to_json(*again) != kept) std::abort();
  if (plan->name.empty() || !fleet::Filter::parse(plan->filter)) std::abort();
  if (plan->waves.empty() || plan->waves.back().permille != 1000 || plan->deadline_s < 60) std::abort();
  for (const auto& wave : plan->waves)
    if (wave.permille.has_value() == wave.count.has_value() || wave.permille.value_or(1) == 0 || wave.count.value_or(1) == 0) std::abort();
  if (plan->on_broken == fleet::RolloutPlan::OnBroken::roll_back && !plan->rollback_release) std::abort();
  fleet::Rollout running{.plan = *plan, .started_ms = 1};
  const double rate = fleet::rate_per_minute(running, 1ULL << 42);
  if (!(rate >= 0) || rate > static_cast<double>(fleet::kMaxRatePerMinute)) std::abort();
  return 0;
}
