// Rollouts over simulated fleets (test_simulated_fleet.hpp).
#include "fleet/rollout_run.hpp"

#include <gtest/gtest.h>

#include "fleet/errors.hpp"
#include "fleet/test_simulated_fleet.hpp"

namespace aloft::fleet {
namespace {

using namespace simulated;
using protocol::UpdateState;

class RolloutSimulation : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(RolloutSimulation, GoesThroughItsWavesAndFinishes) {
  SimulatedFleet fleet(plan_of({percent(10, 600), percent(250, 600), percent(1000)}), 5000, GetParam(), all_good);
  fleet.command(RolloutEvent::start);
  fleet.pass(60);
  EXPECT_EQ(fleet.rollout_.state, RolloutState::soaking);
  const std::size_t first = fleet.attempted();
  EXPECT_NEAR(static_cast<double>(first), 50, 40);
  fleet.pass(500);
  EXPECT_EQ(fleet.attempted(), first) << "nobody gets it while the first wave soaks";
  EXPECT_TRUE(fleet.pass_until(RolloutState::finished, 3000));
  EXPECT_EQ(fleet.count(MemberState::committed), 5000U);
  EXPECT_EQ(fleet.offers_, 5000U);
}

// The story that the whole engine is for: 3 % fail, 1 % fall silent.
TEST_P(RolloutSimulation, StopsByItselfInTheFirstWavesWhenDevicesFail) {
  auto plan = plan_of({percent(10, 300), percent(100, 300), percent(1000)});
  plan.gates = {{.failure = RolloutPlan::Failure::any, .max_permille = 20, .min_sample = 30}};
  SimulatedFleet fleet(plan, 10'000, GetParam(), [](std::mt19937_64& engine) {
    const auto roll = engine() % 100;
    return roll < 3 ? Nature::failing : (roll == 3 ? Nature::silent : Nature::good);
  });
  fleet.command(RolloutEvent::start);
  EXPECT_TRUE(fleet.pass_until(RolloutState::paused, 20'000)) << "seed " << GetParam();
  EXPECT_LT(fleet.attempted(), 1300U) << "seed " << GetParam();
  EXPECT_NE(fleet.rollout_.reason.find("failed in any way"), std::string::npos) << fleet.rollout_.reason;
  const std::size_t attempted = fleet.attempted();
  fleet.pass(7200, 60'000);
  EXPECT_EQ(fleet.attempted(), attempted);
}

TEST_P(RolloutSimulation, SilenceAloneBreaksAGate) {
  auto plan = plan_of({percent(100), percent(1000)});
  plan.gates = {{.failure = RolloutPlan::Failure::silent, .max_permille = 50, .min_sample = 20}};
  SimulatedFleet fleet(plan, 2000, GetParam(), [](std::mt19937_64& engine) { return engine() % 10 == 0 ? Nature::silent : Nature::good; });
  fleet.command(RolloutEvent::start);
  fleet.pass(3500, 10'000);
  EXPECT_EQ(fleet.rollout_.state, RolloutState::running) << "nobody has been quiet for long enough";
  EXPECT_TRUE(fleet.pass_until(RolloutState::paused, 400));
  EXPECT_NE(fleet.rollout_.reason.find("fell silent"), std::string::npos) << fleet.rollout_.reason;
  EXPECT_LT(fleet.attempted(), 300U);
}

TEST_P(RolloutSimulation, ARestartInTheMiddleLosesNothing) {
  const auto nature = [](std::mt19937_64& engine) { return engine() % 50 == 0 ? Nature::stubborn : Nature::good; };
  auto plan = plan_of({devices(100), percent(300, 60), percent(1000)});
  plan.retries = 1;
  plan.rate_per_minute = 1200;
  plan.gates = {{.failure = RolloutPlan::Failure::any, .max_permille = 0, .min_sample = 1}};
  SimulatedFleet fleet(plan, 3000, GetParam(), nature);
  fleet.restart_every_ms_ = 7000;
  fleet.command(RolloutEvent::start);
  EXPECT_TRUE(fleet.pass_until(RolloutState::finished, 3000)) << "seed " << GetParam();
  EXPECT_EQ(fleet.count(MemberState::committed), 3000U) << "each device that failed once was tried again, and no gate saw it";
  for (const auto& [id, member] : fleet.members_) EXPECT_EQ(member.attempts, fleet.natures_[id] == Nature::stubborn ? 2U : 1U);
}

TEST_P(RolloutSimulation, AFailingStoreOnlyDelays) {
  SimulatedFleet fleet(plan_of({percent(100), percent(1000)}), 1000, GetParam(), all_good);
  fleet.command(RolloutEvent::start);
  std::mt19937_64 engine(GetParam());
  for (int i = 0; i < 200; ++i) {
    fleet.store_fails_ = engine() % 2 == 0;
    fleet.pass(3);
  }
  fleet.store_fails_ = false;
  EXPECT_TRUE(fleet.pass_until(RolloutState::finished, 200));
  EXPECT_EQ(fleet.offers_, 1000U) << "nobody was offered it twice";
}

INSTANTIATE_TEST_SUITE_P(Seeds, RolloutSimulation, ::testing::Range<std::uint64_t>(1, 6));

TEST(RolloutRun, KeepsToItsRate) {
  auto plan = plan_of({percent(1000)});
  plan.rate_per_minute = 60;
  SimulatedFleet fleet(plan, 1000, 1, all_good);
  fleet.command(RolloutEvent::start);
  fleet.pass(300, 250);
  EXPECT_NEAR(static_cast<double>(fleet.offers_), 300, 5);
  fleet.command(RolloutEvent::pause);
  fleet.pass(600);
  fleet.command(RolloutEvent::resume);
  const std::size_t before = fleet.offers_;
  fleet.pass(60, 250);
  EXPECT_LE(fleet.offers_ - before, 66U) << "the pause was not saved up";
}

TEST_P(RolloutSimulation, AGrowingRateIsNeverAboveItsCurve) {
  auto plan = plan_of({percent(1000)});
  plan.rate_per_minute = 30;
  plan.rate_growth = RolloutPlan::Growth{.factor_percent = 150 + 10 * GetParam(), .interval_s = 120};
  SimulatedFleet fleet(plan, 5000, GetParam(), all_good);
  fleet.restart_every_ms_ = 17'000;
  fleet.command(RolloutEvent::start);
  double allowed = 0;
  double rate = 30;
  for (int interval = 0; interval < 6; ++interval) {
    for (int step = 0; step < 24; ++step) {
      fleet.pass(5, 500);
      allowed += rate / 12;
      EXPECT_LE(static_cast<double>(fleet.offers_), allowed + 1 + rate / 12) << "interval " << interval << ", seed " << GetParam();
    }
    rate *= static_cast<double>(plan.rate_growth->factor_percent) / 100;
  }
  EXPECT_GE(static_cast<double>(fleet.offers_), allowed * 0.85) << "what is allowed is used, but for the restarts";
  fleet.command(RolloutEvent::pause);
  fleet.pass(600);
  fleet.command(RolloutEvent::resume);
  EXPECT_EQ(rate_per_minute(fleet.rollout_, fleet.now_ms_), 30) << "who resumes begins at the beginning";
}

TEST(RolloutRun, AGateWaitsForItsSampleButNotBeyondItsWave) {
  auto plan = plan_of({devices(5), percent(1000)});
  plan.gates = {{.failure = RolloutPlan::Failure::any, .max_permille = 100, .min_sample = 50}};
  SimulatedFleet fleet(plan, 500, 1, [](std::mt19937_64&) { return Nature::failing; });
  fleet.command(RolloutEvent::start);
  EXPECT_TRUE(fleet.pass_until(RolloutState::paused, 120));
  EXPECT_EQ(fleet.attempted(), 5U) << "a wave smaller than the sample is judged when all of it has ended";
}

TEST(RolloutRun, SuccessIsWantedToo) {
  auto plan = plan_of({percent(100), percent(1000)});
  plan.success_permille = 900;
  SimulatedFleet fleet(plan, 1000, 1, [](std::mt19937_64& engine) { return engine() % 4 == 0 ? Nature::returning : Nature::good; });
  fleet.command(RolloutEvent::start);
  EXPECT_TRUE(fleet.pass_until(RolloutState::paused, 200));
  EXPECT_NE(fleet.rollout_.reason.find("committed; wanted are 90.0 %"), std::string::npos) << fleet.rollout_.reason;
}

TEST(RolloutRun, SuccessIsWantedOfLaterWavesAfterAResume) {
  auto plan = plan_of({percent(100, 600), percent(500, 600), percent(1000)});
  plan.success_permille = 900;
  SimulatedFleet fleet(plan, 1000, 1, all_good);
  fleet.command(RolloutEvent::start);
  ASSERT_TRUE(fleet.pass_until(RolloutState::soaking, 100));
  fleet.command(RolloutEvent::pause);
  fleet.pass(5);
  fleet.command(RolloutEvent::resume);
  for (auto& [id, nature] : fleet.natures_) nature = Nature::returning;
  fleet.pass(1);
  fleet.restart();
  EXPECT_TRUE(fleet.pass_until(RolloutState::paused, 2000));
  EXPECT_EQ(fleet.rollout_.wave, 2U);
  EXPECT_NE(fleet.rollout_.reason.find("all devices of wave 2"), std::string::npos) << fleet.rollout_.reason;
}

TEST(RolloutRun, SuccessIsWantedOfThoseThatEndAfterAResume) {
  auto plan = plan_of({percent(100), percent(200), percent(1000)});
  plan.success_permille = 900;
  SimulatedFleet fleet(plan, 1000, 1, [](std::mt19937_64&) { return Nature::failing; });
  fleet.command(RolloutEvent::start);
  ASSERT_TRUE(fleet.pass_until(RolloutState::paused, 100));
  for (auto& [id, nature] : fleet.natures_) nature = Nature::good;
  fleet.command(RolloutEvent::resume);
  fleet.restart();
  EXPECT_TRUE(fleet.pass_until(RolloutState::finished, 400)) << "its old trouble is not held against wave 1 again";
}

TEST(RolloutRun, EnoughSuccessDoesNotWaitForTheLast) {
  auto plan = plan_of({percent(500, 60), percent(1000)});
  plan.success_permille = 900;
  SimulatedFleet fleet(plan, 1000, 1, [](std::mt19937_64& engine) { return engine() % 20 == 0 ? Nature::silent : Nature::good; });
  fleet.command(RolloutEvent::start);
  fleet.pass(50);
  EXPECT_EQ(fleet.rollout_.state, RolloutState::soaking);
  fleet.pass(60);
  EXPECT_EQ(fleet.rollout_.wave, 2U);
}

TEST(RolloutRun, ABrokenGateCanRollBack) {
  auto plan = plan_of({percent(100), percent(1000)});
  plan.gates = {{.failure = RolloutPlan::Failure::rolled_back, .max_permille = 100, .min_sample = 10}};
  plan.on_broken = RolloutPlan::OnBroken::roll_back;
  plan.rollback_release = 7;
  SimulatedFleet fleet(plan, 1000, 1, [](std::mt19937_64& engine) { return engine() % 2 == 0 ? Nature::returning : Nature::good; });
  fleet.command(RolloutEvent::start);
  EXPECT_TRUE(fleet.pass_until(RolloutState::rolled_back, 200));
  EXPECT_TRUE(fleet.rolled_back_);
}

TEST(RolloutRun, WhoResumesIsNotStoppedByTheOldTroubleAgain) {
  auto plan = plan_of({percent(200), percent(1000)});
  plan.gates = {{.failure = RolloutPlan::Failure::any, .max_permille = 100, .min_sample = 10}};
  SimulatedFleet fleet(plan, 1000, 1, [](std::mt19937_64&) { return Nature::failing; });
  fleet.command(RolloutEvent::start);
  ASSERT_TRUE(fleet.pass_until(RolloutState::paused, 200));
  for (auto& [id, nature] : fleet.natures_) nature = Nature::good;
  fleet.command(RolloutEvent::resume);
  fleet.restart();
  EXPECT_TRUE(fleet.pass_until(RolloutState::finished, 400));
}

TEST(RolloutRun, ItCanBeRaisedAndNeverLowered) {
  SimulatedFleet fleet(plan_of({percent(10, 100'000), percent(1000)}), 1000, 1, all_good);
  fleet.command(RolloutEvent::start);
  fleet.pass(60);
  const std::size_t first = fleet.attempted();
  fleet.command(RolloutEvent::raise, 500);
  fleet.pass(60);
  EXPECT_NEAR(static_cast<double>(fleet.attempted()), 500, 80);
  EXPECT_GT(fleet.attempted(), first);
  EXPECT_EQ(fleet.run_->command(RolloutEvent::raise, "op", fleet.now_ms_, 400).error().code.number, kRolloutState.number);
  fleet.command(RolloutEvent::raise, 1000);
  EXPECT_TRUE(fleet.pass_until(RolloutState::finished, 200));
}

TEST(RolloutRun, AReleaseOnTheWayIsNotTheEnd) {
  SimulatedFleet fleet(plan_of({percent(1000)}), 1, 1, [](std::mt19937_64&) { return Nature::silent; });
  fleet.command(RolloutEvent::start);
  fleet.pass(1);
  ASSERT_EQ(fleet.offers_, 1U);
  Member& member = fleet.members_.at(1);
  member.state = MemberState::waiting;
  fleet.run_->reported(1, member.deployment, RolloutRun::Leg::stone, UpdateState::committed, fleet.now_ms_);
  fleet.pass(1);
  EXPECT_EQ(fleet.offers_, 2U);
  EXPECT_EQ(member.attempts, 1U) << "passing through is no attempt at the target";
  member.state = MemberState::committed;
  fleet.run_->reported(1, member.deployment, RolloutRun::Leg::target, UpdateState::committed, fleet.now_ms_);
  EXPECT_TRUE(fleet.pass_until(RolloutState::finished, 5));
}

TEST(RolloutRun, ABusyDeviceHoldsNobodyUpAndGetsItsTurn) {
  SimulatedFleet fleet(plan_of({percent(500), percent(1000)}), 100, 1, all_good);
  for (std::uint64_t i = 1; i <= 10; ++i) fleet.busy_.insert(i);
  fleet.command(RolloutEvent::start);
  fleet.pass(200);
  EXPECT_EQ(fleet.count(MemberState::committed), 90U) << "in both waves";
  EXPECT_EQ(fleet.rollout_.state, RolloutState::running) << "it is not finished while ten wait";
  fleet.restart();
  fleet.pass(10);
  EXPECT_EQ(fleet.rollout_.state, RolloutState::running);
  fleet.busy_.clear();
  for (std::uint64_t i = 1; i <= 10; ++i) fleet.run_->freed(i);
  EXPECT_TRUE(fleet.pass_until(RolloutState::finished, 60));
  EXPECT_EQ(fleet.count(MemberState::committed), 100U);
}

TEST(RolloutRun, OneBusyDeviceAloneIsWaitedFor) {
  SimulatedFleet fleet(plan_of({percent(1000)}), 1, 1, all_good);
  fleet.busy_.insert(1);
  fleet.command(RolloutEvent::start);
  fleet.pass(60);
  EXPECT_EQ(fleet.rollout_.state, RolloutState::running);
  EXPECT_EQ(fleet.count(MemberState::waiting), 1U);
  fleet.members_[1].state = MemberState::cancelled;
  fleet.run_->cancelled(1, fleet.now_ms_);
  EXPECT_TRUE(fleet.pass_until(RolloutState::finished, 5)) << "a person took it out";
}

TEST(RolloutRun, ADeviceThatIsHeldUpIsNoMissingSuccess) {
  auto plan = plan_of({percent(1000)});
  plan.success_permille = 950;
  SimulatedFleet fleet(plan, 100, 1, all_good);
  for (std::uint64_t i = 1; i <= 10; ++i) fleet.busy_.insert(i);
  fleet.command(RolloutEvent::start);
  fleet.pass(200);
  EXPECT_EQ(fleet.rollout_.state, RolloutState::running) << fleet.rollout_.reason;
  EXPECT_EQ(fleet.count(MemberState::committed), 90U);
}

TEST(RolloutRun, ADeviceThatIsFreedGetsIt) {
  auto plan = plan_of({percent(1000)});
  plan.adopt = true;
  SimulatedFleet fleet(plan, 10, 1, all_good);
  fleet.busy_.insert(3);
  fleet.command(RolloutEvent::start);
  EXPECT_TRUE(fleet.pass_until(RolloutState::open, 200));
  fleet.busy_.clear();
  fleet.run_->freed(3);
  fleet.pass(60);
  EXPECT_EQ(fleet.count(MemberState::committed), 10U);
}

TEST(RolloutRun, ADeviceThatJoinsLaterGetsItWhenItsWaveIsThere) {
  auto plan = plan_of({percent(100, 1000), percent(1000)});
  plan.adopt = true;
  SimulatedFleet fleet(plan, 100, 1, all_good);
  fleet.command(RolloutEvent::start);
  fleet.pass(60);
  for (const std::uint64_t sample : {std::uint64_t{1}, kWholeTarget - 1}) {
    const std::uint64_t id = 1000 + sample % 7;
    fleet.members_[id] = {
        .device = id, .sample = sample, .wave = sample < fleet.rollout_.reach ? fleet.rollout_.wave : 0, .changed_ms = fleet.now_ms_};
    fleet.run_->joined(fleet.members_[id]);
  }
  EXPECT_TRUE(fleet.pass_until(RolloutState::open, 2000));
  EXPECT_EQ(fleet.count(MemberState::committed), 102U);
}

TEST(RolloutRun, ADeviceThatToldThatItWaitsIsNotSilentWhileItIsSeen) {
  auto plan = plan_of({percent(1000)});
  SimulatedFleet fleet(plan, 2, 1, [](std::mt19937_64&) { return Nature::silent; });
  fleet.command(RolloutEvent::start);
  fleet.pass(2);
  fleet.run_->reported(1, fleet.members_[1].deployment, RolloutRun::Leg::target, UpdateState::deferred, fleet.now_ms_);
  fleet.members_[1].waits = true;
  for (int i = 0; i < 300; ++i) {
    if (i == 150) fleet.restart();
    fleet.seen_[1] = fleet.now_ms_;
    fleet.pass(60, 10'000);
  }
  EXPECT_EQ(fleet.members_[1].state, MemberState::offered);
  EXPECT_EQ(fleet.members_[2].state, MemberState::silent);
  fleet.pass(3700, 10'000);
  EXPECT_EQ(fleet.members_[1].state, MemberState::silent) << "not seen either any more";
}

// A way back to which nobody belongs yet, started.
SimulatedFleet way_back() {
  SimulatedFleet fleet(plan_of({percent(1000)}), 0, 1, all_good);
  fleet.rollout_.parent = 7;
  fleet.restart();
  fleet.command(RolloutEvent::start);
  return fleet;
}

TEST(RolloutRun, AWayBackWaitsForThoseThatCommitLate) {
  SimulatedFleet fleet = way_back();
  fleet.pass(100);
  EXPECT_EQ(fleet.rollout_.state, RolloutState::running);
  EXPECT_TRUE(fleet.run_->waits_for_others());
  fleet.members_[5] = {.device = 5, .wave = 1, .changed_ms = fleet.now_ms_};
  fleet.run_->joined(fleet.members_[5]);
  EXPECT_FALSE(fleet.run_->waits_for_others());
  fleet.run_->nobody_else_comes();
  EXPECT_TRUE(fleet.pass_until(RolloutState::finished, 60));
  EXPECT_EQ(fleet.count(MemberState::committed), 1U);
}

TEST(RolloutRun, AWayBackEndsAtItsDeadlineOfWhichARestartLeavesHalf) {
  SimulatedFleet fleet = way_back();
  fleet.pass(3500, 10'000);
  EXPECT_EQ(fleet.rollout_.state, RolloutState::running);
  fleet.restart();
  fleet.pass(1700, 10'000);
  EXPECT_EQ(fleet.rollout_.state, RolloutState::running);
  EXPECT_TRUE(fleet.pass_until(RolloutState::finished, 200));
}

TEST(RolloutRun, ALateWordIsTheTruth) {
  SimulatedFleet fleet(plan_of({percent(1000)}), 1, 1, [](std::mt19937_64&) { return Nature::silent; });
  fleet.command(RolloutEvent::start);
  EXPECT_TRUE(fleet.pass_until(RolloutState::finished, 4000));
  EXPECT_EQ(fleet.count(MemberState::silent), 1U);
  fleet.run_->reported(1, fleet.members_[1].deployment, RolloutRun::Leg::target, UpdateState::committed, fleet.now_ms_);
  EXPECT_EQ(fleet.run_->rollout().counts[static_cast<std::size_t>(MemberState::committed)], 1U);
}

TEST(RolloutRun, WhoWasTakenOutIsNotTriedAgain) {
  auto plan = plan_of({percent(1000)});
  plan.retries = 1;
  SimulatedFleet fleet(plan, 2, 1, [](std::mt19937_64&) { return Nature::silent; });
  fleet.command(RolloutEvent::start);
  fleet.pass(2);
  const std::uint64_t deployment = fleet.members_[1].deployment;
  fleet.run_->cancelled(1, fleet.now_ms_);
  fleet.run_->reported(1, deployment, RolloutRun::Leg::target, UpdateState::rolled_back, fleet.now_ms_);
  fleet.members_[1].state = MemberState::rolled_back;
  fleet.pass(60);
  fleet.restart();
  fleet.pass(60);
  EXPECT_EQ(fleet.offers_, 2U);
  EXPECT_EQ(fleet.rollout_.state, RolloutState::running) << "the other one is at it";
}

}  // namespace
}  // namespace aloft::fleet
