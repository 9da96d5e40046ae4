#include <gtest/gtest.h>

#include "fleet/errors.hpp"
#include "fleet/rollout.hpp"

namespace aloft::fleet {
namespace {

Json plan_json(std::size_t waves) {
  Json plan{{"name", "n"}, {"release", 1U}, {"filter", "name==*"}, {"waves", Json::array()}};
  for (std::size_t wave = 1; wave <= waves; ++wave) plan["waves"].push_back({{"count", wave}});
  return plan;
}

TEST(RolloutPlanJson, WhatIsTakenCanBeReadAgain) {
  const auto plan = rollout_plan_of(plan_json(49));  // and the whole target, which it adds
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->waves.size(), 50U);
  const auto again = rollout_plan_of(to_json(*plan));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(to_json(*again), to_json(*plan));
}

TEST(RolloutPlanJson, TheWaveThatIsAddedCounts) {
  const auto plan = rollout_plan_of(plan_json(50));
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code.number, kRolloutPlan.number);
}

}  // namespace
}  // namespace aloft::fleet
