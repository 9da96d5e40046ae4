// A rollout's orders, one by one: what is on its way while something else happens.
#include <gtest/gtest.h>

#include <algorithm>

#include "fleet/rollout_run.hpp"
#include "fleet/test_simulated_fleet.hpp"

namespace aloft::fleet {
namespace {

using namespace simulated;
using protocol::UpdateState;

// Members 1 to 50; the later one has the lower sample.
RolloutRun run_of_fifty(std::uint64_t rate_per_minute) {
  RolloutPlan plan = plan_of({percent(1000)});
  plan.rate_per_minute = rate_per_minute;
  std::vector<Member> members;
  for (std::uint64_t device = 1; device <= 50; ++device) members.push_back({.device = device, .sample = 1000 - device, .wave = 1});
  return {Rollout{.id = 1, .plan = plan, .state = RolloutState::running, .wave = 1, .reach = kWholeTarget}, members, 1000};
}

std::vector<std::uint64_t> offered_in(RolloutRun& run, std::uint64_t now_ms) {
  std::vector<std::uint64_t> devices;
  for (const Order& order : run.tick(now_ms, [](std::uint64_t) { return 0; }))
    if (const auto* offer = std::get_if<OfferOrder>(&order))
      for (const auto& one : offer->devices) devices.push_back(one.device);
  return devices;
}

TEST(RolloutOrders, OffersInTheOrderOfTheStoreUnlessARateMakesItAChoice) {
  RolloutRun unlimited = run_of_fifty(0);
  const auto all = offered_in(unlimited, 2000);
  ASSERT_EQ(all.size(), 50U);
  EXPECT_TRUE(std::ranges::is_sorted(all));
  EXPECT_TRUE(offered_in(unlimited, 3000).empty()) << "each once";
  RolloutRun limited = run_of_fifty(60);
  offered_in(limited, 2000);
  EXPECT_EQ(offered_in(limited, 7000), (std::vector<std::uint64_t>{50, 49, 48, 47, 46}));
}

TEST(RolloutOrders, WhoIsTakenOutWhileItsOfferIsOnItsWayIsOut) {
  RolloutRun run = run_of_fifty(0);
  ASSERT_EQ(offered_in(run, 2000).size(), 50U);
  run.cancelled(1, 2000);
  run.refused(1, RolloutRun::Refusal::gone, 2000);
  for (std::uint64_t device = 2; device <= 50; ++device) {
    run.offered(device, 100 + device, 2000);
    run.reported(device, 100 + device, RolloutRun::Leg::target, UpdateState::committed, 3000);
  }
  EXPECT_EQ(run.rollout().counts[static_cast<std::size_t>(MemberState::cancelled)], 1U);
  const std::vector<Order> orders = run.tick(4000, [](std::uint64_t) { return 0; });
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(std::get<MoveOrder>(orders[0]).event, RolloutEvent::last_wave_ended);
}

TEST(RolloutOrders, WhoIsTakenOutWhenItIsTakenForSilentIsOut) {
  RolloutRun run = run_of_fifty(0);
  const auto never = [](std::uint64_t) { return 0; };
  ASSERT_EQ(offered_in(run, 2000).size(), 50U);
  for (std::uint64_t device = 1; device <= 50; ++device) run.offered(device, 100 + device, 2000);
  ASSERT_EQ(run.tick(4'000'000, never).size(), 50U);
  // The store heard first that its deployment was cancelled, and finds nothing to withdraw.
  run.reported(1, 101, RolloutRun::Leg::target, UpdateState::cancelled, 4'000'000);
  run.not_silenced(1, 4'000'000);
  for (std::uint64_t device = 2; device <= 50; ++device) run.silenced(device, 4'000'000);
  EXPECT_EQ(run.rollout().counts[static_cast<std::size_t>(MemberState::cancelled)], 1U);
  const std::vector<Order> orders = run.tick(4'010'000, never);
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<MoveOrder>(orders[0])) << "nobody is taken for silent again";
}

// A rollout that tries twice, of one device whose deployment 101 has just failed.
RolloutRun run_of_one_to_be_tried_again() {
  RolloutPlan plan = plan_of({percent(1000)});
  plan.retries = 1;
  RolloutRun run(Rollout{.id = 1, .plan = plan, .state = RolloutState::running, .wave = 1, .reach = kWholeTarget},
                 {{.device = 1, .sample = 1, .wave = 1}}, 1000);
  EXPECT_EQ(offered_in(run, 2000).size(), 1U);
  run.offered(1, 101, 2000);
  return run;
}

void expect_to_end_with_the_second_try(RolloutRun& run) {
  run.offered(1, 102, 4'020'000);
  run.reported(1, 102, RolloutRun::Leg::target, UpdateState::committed, 4'020'000);
  const std::vector<Order> orders = run.tick(4'030'000, [](std::uint64_t) { return 0; });
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(std::get<MoveOrder>(orders[0]).event, RolloutEvent::last_wave_ended);
}

TEST(RolloutOrders, WhoFailsWhileItIsTakenForSilentIsTriedAgainWhenThatHasEnded) {
  for (const bool withdrawn : {false, true}) {
    RolloutRun run = run_of_one_to_be_tried_again();
    ASSERT_EQ(run.tick(4'000'000, [](std::uint64_t) { return 0; }).size(), 1U) << "it is to be taken for silent";
    run.reported(1, 101, RolloutRun::Leg::target, UpdateState::failed, 4'000'000);
    EXPECT_TRUE(offered_in(run, 4'000'000).empty()) << "one order about a device at a time";
    if (withdrawn) run.silenced(1, 4'000'000);
    if (!withdrawn) run.not_silenced(1, 4'000'000);
    ASSERT_EQ(offered_in(run, 4'010'000).size(), 1U);
    expect_to_end_with_the_second_try(run);
  }
}

TEST(RolloutOrders, WhatIsToldAgainOfTheLastTryIsNotOfTheNext) {
  RolloutRun run = run_of_one_to_be_tried_again();
  run.reported(1, 101, RolloutRun::Leg::target, UpdateState::failed, 3000);
  ASSERT_EQ(offered_in(run, 4000).size(), 1U);
  run.reported(1, 101, RolloutRun::Leg::target, UpdateState::failed, 4000);
  EXPECT_TRUE(offered_in(run, 5000).empty());
  expect_to_end_with_the_second_try(run);
}

TEST(RolloutOrders, NotAllWhoWaitAreLookedForAtOnce) {
  constexpr std::uint64_t kWaiting = 2000;
  std::vector<Member> members;
  for (std::uint64_t device = 1; device <= kWaiting; ++device)
    members.push_back({.device = device, .sample = device, .state = MemberState::offered, .wave = 1, .waits = true});
  RolloutRun run({.id = 1, .plan = plan_of({percent(1000)}), .state = RolloutState::running, .wave = 1, .reach = kWholeTarget}, members,
                 1000);
  std::size_t looks = 0;
  const auto just_now = [&looks](std::uint64_t) -> std::uint64_t { return ++looks, 4'000'000; };
  for (std::size_t most = kMaxOffersAtOnce; most <= kWaiting; most += kMaxOffersAtOnce) {
    EXPECT_TRUE(run.tick(4'000'000, just_now).empty());
    EXPECT_EQ(looks, most) << "each is a read of the store";
  }
}

TEST(RolloutOrders, DevicesThatAreDeletedHoldNobodyUp) {
  RolloutRun run = run_of_fifty(0);
  ASSERT_EQ(offered_in(run, 2000).size(), 50U);
  run.gone(1);
  run.gone(2);
  run.gone(2);
  run.refused(1, RolloutRun::Refusal::gone, 2000);  // the order that was on its way
  for (std::uint64_t device = 2; device <= 50; ++device) run.offered(device, 100 + device, 2000);
  run.gone(3);
  for (std::uint64_t device = 4; device <= 50; ++device) {
    EXPECT_EQ(run.rollout().counts[static_cast<std::size_t>(MemberState::offered)], 51 - device);
    EXPECT_TRUE(run.tick(3000, [](std::uint64_t) { return 0; }).empty());
    run.reported(device, 100 + device, RolloutRun::Leg::target, UpdateState::committed, 3000);
  }
  const std::vector<Order> orders = run.tick(4000, [](std::uint64_t) { return 0; });
  ASSERT_EQ(orders.size(), 1U);
  EXPECT_EQ(std::get<MoveOrder>(orders[0]).event, RolloutEvent::last_wave_ended);
}

TEST(RolloutOrders, OffersAgainToThoseThatCouldNotBeWritten) {
  RolloutRun run = run_of_fifty(0);
  OfferOrder order;
  for (const std::uint64_t device : offered_in(run, 2000)) order.devices.push_back({.device = device, .attempt = 1});
  run.not_carried_out(order, 2000);
  EXPECT_EQ(offered_in(run, 10'000).size(), 50U);
}

}  // namespace
}  // namespace aloft::fleet
