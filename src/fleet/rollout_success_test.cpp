// Whose success a rollout wants of a wave.
#include <gtest/gtest.h>

#include "fleet/rollout_run.hpp"
#include "fleet/test_simulated_fleet.hpp"

namespace aloft::fleet {
namespace {

using namespace simulated;

std::vector<Order> orders_at(RolloutRun& run, std::uint64_t now_ms) {
  return run.tick(now_ms, [](std::uint64_t) { return 0; });
}

// Of one wave and 90 % success, with members 1 to 3.
RolloutRun way_back_of_three() {
  RolloutPlan plan = plan_of({percent(1000)});
  plan.success_permille = 900;
  std::vector<Member> members;
  for (std::uint64_t device = 1; device <= 3; ++device) members.push_back({.device = device, .sample = device, .wave = 1});
  return {Rollout{.id = 1, .plan = plan, .state = RolloutState::running, .wave = 1, .reach = kWholeTarget, .parent = 7}, members, 1000};
}

void pause_and_resume(RolloutRun& run, std::uint64_t now_ms) {
  for (const RolloutEvent event : {RolloutEvent::pause, RolloutEvent::resume})
    run.moved(std::get<MoveOrder>(run.command(event, "op", now_ms)->front()));
}

TEST(RolloutSuccess, WhoDoesNotNeedItIsNoMissingSuccess) {
  for (const std::uint64_t skipped : {1U, 3U}) {
    RolloutRun run = way_back_of_three();
    ASSERT_EQ(std::get<OfferOrder>(orders_at(run, 2000).at(0)).devices.size(), 3U);
    for (std::uint64_t device = 1; device <= 3; ++device) {
      if (device <= skipped) {
        run.refused(device, RolloutRun::Refusal::skipped, 2000);
        continue;
      }
      run.offered(device, 100 + device, 2000);
      run.reported(device, 100 + device, RolloutRun::Leg::target, UpdateState::committed, 3000);
    }
    ASSERT_TRUE(orders_at(run, 4000).empty()) << "it waits for those that commit late";
    pause_and_resume(run, 5000);
    ASSERT_TRUE(orders_at(run, 6000).empty());
    run.nobody_else_comes();
    const std::vector<Order> orders = orders_at(run, 7000);
    ASSERT_EQ(orders.size(), 1U);
    EXPECT_EQ(std::get<MoveOrder>(orders[0]).event, RolloutEvent::last_wave_ended);
  }
}

TEST(RolloutSuccess, EnoughSuccessIsOfThoseThatAreJudged) {
  RolloutPlan plan = plan_of({percent(500, 60), percent(1000)});
  plan.success_permille = 950;
  std::vector<Member> members;
  for (std::uint64_t device = 1; device <= 100; ++device) members.push_back({.device = device, .sample = device, .wave = 1});
  const Rollout rollout{.id = 1, .plan = plan, .state = RolloutState::running, .wave = 1, .reach = kWholeTarget / 2};
  RolloutRun run(rollout, members, 1000);
  ASSERT_EQ(std::get<OfferOrder>(orders_at(run, 2000).at(0)).devices.size(), 100U);
  for (std::uint64_t device = 1; device <= 100; ++device) run.offered(device, 100 + device, 2000);
  const auto report = [&run](std::uint64_t device, UpdateState state, std::uint64_t now_ms) {
    run.reported(device, 100 + device, RolloutRun::Leg::target, state, now_ms);
  };
  for (std::uint64_t device = 1; device <= 10; ++device) report(device, UpdateState::failed, 3000);
  pause_and_resume(run, 4000);
  for (std::uint64_t device = 11; device <= 95; ++device) report(device, UpdateState::committed, 5000);
  EXPECT_TRUE(orders_at(run, 5000).empty()) << "85 of 90 are too few";
  report(96, UpdateState::committed, 6000);
  const std::vector<Order> orders = orders_at(run, 6000);
  ASSERT_EQ(orders.size(), 1U) << "four are still at it";
  EXPECT_EQ(std::get<MoveOrder>(orders[0]).event, RolloutEvent::wave_ended);
}

}  // namespace
}  // namespace aloft::fleet
