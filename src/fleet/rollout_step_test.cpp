#include "fleet/rollout_step.hpp"

#include <gtest/gtest.h>

#include <set>

namespace aloft::fleet {
namespace {

constexpr auto kStates = static_cast<unsigned>(RolloutState::gathering) + 1;
constexpr auto kEvents = static_cast<unsigned>(RolloutEvent::abort) + 1;

template <typename Visit>
void for_each_step(Visit visit) {
  for (unsigned s = 0; s < kStates; ++s)
    for (unsigned e = 0; e < kEvents; ++e)
      if (const auto found = step(static_cast<RolloutState>(s), static_cast<RolloutEvent>(e)))
        visit(static_cast<RolloutState>(s), static_cast<RolloutEvent>(e), *found);
}

TEST(RolloutStep, NothingFollowsAFinalState) {
  for_each_step([](RolloutState from, RolloutEvent event, RolloutStep) { EXPECT_FALSE(is_final(from)) << to_string(event); });
}

TEST(RolloutStep, EveryStateCanBeReachedAndLeftForGood) {
  std::set<RolloutState> reached{RolloutState::gathering};
  for (unsigned round = 0; round < kStates; ++round)
    for_each_step([&](RolloutState from, RolloutEvent, RolloutStep next) {
      if (reached.contains(from)) reached.insert(next.to);
    });
  EXPECT_EQ(reached.size(), kStates);
  for (unsigned s = 0; s < kStates; ++s) {
    const auto state = static_cast<RolloutState>(s);
    EXPECT_EQ(step(state, RolloutEvent::abort).has_value(), !is_final(state)) << to_string(state);
  }
}

TEST(RolloutStep, ABrokenGateStopsWhateverOffers) {
  for (const RolloutState state : {RolloutState::running, RolloutState::soaking, RolloutState::open}) {
    EXPECT_EQ(step(state, RolloutEvent::gate_broken)->to, RolloutState::paused);
    EXPECT_EQ(step(state, RolloutEvent::gate_broken_back)->action, RolloutAction::roll_back);
  }
}

TEST(RolloutStep, NothingRunsBeforeItsDevicesAreKnown) {
  for_each_step([](RolloutState from, RolloutEvent event, RolloutStep next) {
    EXPECT_NE(next.to, RolloutState::gathering);
    if (from != RolloutState::gathering || event == RolloutEvent::abort) return;
    EXPECT_EQ(next.action, RolloutAction::none);
    EXPECT_EQ(next.to, event == RolloutEvent::gathered ? RolloutState::ready : RolloutState::awaiting_approval);
  });
}

TEST(RolloutStep, NothingRunsBeforeItIsApproved) {
  for_each_step([](RolloutState from, RolloutEvent event, RolloutStep next) {
    if (from != RolloutState::awaiting_approval || next.to == RolloutState::aborted || next.to == RolloutState::denied) return;
    EXPECT_EQ(event, RolloutEvent::approve);
  });
  EXPECT_FALSE(step(RolloutState::awaiting_approval, RolloutEvent::start));
}

TEST(SampleOf, IsEvenlySpreadAndOfTheReleaseAlone) {
  constexpr unsigned kDevices = 20'000;
  std::array<unsigned, 20> bins{};
  for (unsigned i = 0; i < kDevices; ++i) ++bins[sample_of("seed", "cam-" + std::to_string(i)) * bins.size() / kWholeTarget];
  for (const unsigned bin : bins) EXPECT_NEAR(bin, kDevices / bins.size(), 150) << "five standard deviations are 155";
  EXPECT_EQ(sample_of("a", "cam-1"), sample_of("a", "cam-1"));
  EXPECT_NE(sample_of("a", "cam-1"), sample_of("b", "cam-1"));
  EXPECT_EQ(sample_of("", ""), sample_of("", ""));
}

}  // namespace
}  // namespace aloft::fleet
