// Rollouts that are judged by how devices do once they have the release, over simulated fleets: nothing fails, but some crash later.
#include <gtest/gtest.h>

#include "fleet/test_simulated_fleet.hpp"

namespace aloft::fleet {
namespace {

using namespace simulated;

HealthGate crash_gate() {
  return {.measure = kCrashReboots,
          .worse = HealthGate::Worse::higher,
          .limit = 0.02,
          .worse_percent = 100,
          .min_devices = 30,
          .min_hours = 20};
}

// Each device crashes by chance, so often an hour, with what it ran before (for 100 h) and with the release.
class CrashingFleet {
 public:
  CrashingFleet(RolloutPlan plan, std::uint64_t seed, double before, double after)
      : fleet_(std::move(plan), 5000, seed, all_good), engine_(seed), before_(before), after_(after) {}

  // Until it is in this state, or so much time has passed; the server looks at the health every minute.
  bool pass_until(RolloutState state, std::uint64_t seconds) {
    for (std::uint64_t i = 0; i < seconds / 60 && fleet_.rollout_.state != state; ++i) {
      fleet_.pass(60, 10'000);
      if (fleet_.run_->wants_health()) fleet_.run_->observed(look(), fleet_.rollout_.judged_after_ms);
    }
    return fleet_.rollout_.state == state;
  }
  SimulatedFleet fleet_;

 private:
  struct Life {
    std::uint64_t crashes_before = 0;
    std::uint64_t crashes = 0;
    std::uint64_t up_s = 0;
  };
  std::uint64_t crashes(double rate, double hours) { return std::poisson_distribution<std::uint64_t>(rate * hours)(engine_); }

  ReleaseHealth look() {
    ReleaseHealth health;
    std::uint64_t now = 0;
    std::uint64_t then = 0;
    for (const auto& [id, member] : fleet_.members_) {
      if (member.state != MemberState::committed || member.changed_ms <= fleet_.rollout_.judged_after_ms) continue;
      const bool is_new = !lives_.contains(id);
      Life& life = lives_[id];
      if (is_new) life.crashes_before = crashes(before_, 100);
      const std::uint64_t up_s = (fleet_.now_ms_ - member.changed_ms) / 1000;
      life.crashes += crashes(after_, static_cast<double>(up_s - life.up_s) / 3600);
      life.up_s = up_s;
      ++health.devices;
      health.uptime_s += life.up_s;
      now += life.crashes;
      then += life.crashes_before;
    }
    health.step_devices = health.devices;
    health.step_uptime_s = health.uptime_s;
    health.before_uptime_s = health.devices * 100 * 3600;
    const double rate = health.uptime_s == 0 ? 0 : static_cast<double>(now) * 3600 / static_cast<double>(health.uptime_s);
    const double before = health.devices == 0 ? 0 : static_cast<double>(then) / static_cast<double>(health.devices * 100);
    health.measures.push_back({kCrashReboots, health.devices, rate, health.devices, rate, before});
    return health;
  }

  std::mt19937_64 engine_;
  double before_;
  double after_;
  std::map<std::uint64_t, Life> lives_;
};

RolloutPlan plan() {
  RolloutPlan plan = plan_of({percent(20, 7200), percent(200, 7200), percent(1000)});
  plan.gates = {{.failure = RolloutPlan::Failure::any, .max_permille = 10, .min_sample = 10}};
  plan.health_gates = {crash_gate()};
  return plan;
}

class RolloutHealth : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(RolloutHealth, StopsInTheSoakOfTheFirstWaveWhenDevicesCrashMore) {
  CrashingFleet crashing(plan(), GetParam(), 0.005, 0.2);
  crashing.fleet_.command(RolloutEvent::start);
  EXPECT_TRUE(crashing.pass_until(RolloutState::paused, 7200)) << "seed " << GetParam();
  EXPECT_EQ(crashing.fleet_.count(MemberState::failed), 0U) << "every update went well";
  EXPECT_LT(crashing.fleet_.attempted(), 200U) << "seed " << GetParam();
  EXPECT_TRUE(crashing.fleet_.rollout_.reason.starts_with("crash-reboots is 0.")) << crashing.fleet_.rollout_.reason;
  EXPECT_NE(crashing.fleet_.rollout_.reason.find("with what the same"), std::string::npos);
}

TEST_P(RolloutHealth, LetsAReleasePassThatIsNoWorse) {
  CrashingFleet crashing(plan(), GetParam(), 0.005, 0.005);
  crashing.fleet_.command(RolloutEvent::start);
  EXPECT_TRUE(crashing.pass_until(RolloutState::finished, 40'000)) << crashing.fleet_.rollout_.reason << ", seed " << GetParam();
}

TEST_P(RolloutHealth, WhoResumesIsOnlyJudgedByWhatComesLater) {
  CrashingFleet crashing(plan(), GetParam(), 0.005, 0.2);
  crashing.fleet_.command(RolloutEvent::start);
  ASSERT_TRUE(crashing.pass_until(RolloutState::paused, 7200));
  const std::size_t first = crashing.fleet_.attempted();
  crashing.fleet_.command(RolloutEvent::resume);
  EXPECT_NE(crashing.fleet_.rollout_.state, RolloutState::paused);
  EXPECT_TRUE(crashing.pass_until(RolloutState::paused, 40'000)) << "the next wave crashes too";
  EXPECT_GT(crashing.fleet_.attempted(), first);
  EXPECT_LT(crashing.fleet_.attempted(), 1200U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RolloutHealth, ::testing::Range<std::uint64_t>(1, 6));

TEST(RolloutHealth, WhatWasSeenBeforeTheResumeIsNotHeldAgainstIt) {
  RolloutPlan judged = plan();
  SimulatedFleet fleet(judged, 1000, 1, all_good);
  fleet.command(RolloutEvent::start);
  ReleaseHealth bad{.devices = 100, .uptime_s = 400'000, .step_devices = 100, .step_uptime_s = 400'000, .before_uptime_s = 400'000};
  bad.measures = {{kCrashReboots, 100, 5, 100, 5, 0}};
  fleet.run_->observed(bad, 0);
  ASSERT_TRUE(fleet.pass_until(RolloutState::paused, 10));
  fleet.command(RolloutEvent::resume);
  fleet.run_->observed(bad, 0);  // was on its way
  fleet.pass(30);
  EXPECT_NE(fleet.rollout_.state, RolloutState::paused);
}

}  // namespace
}  // namespace aloft::fleet
