// What every Store must do with deployments that are only downloaded until they are released.
#include "fleet/errors.hpp"
#include "fleet/store_contract.hpp"

namespace aloft::fleet {
namespace {

using protocol::UpdateState;

TEST_P(StoreHolds, AReleasedDeploymentIsHeldNoMore) {
  make_fleet();
  const Deployment made = hold("a");
  EXPECT_TRUE(made.policy.download_only);
  EXPECT_TRUE(report("a", {step(made.id, 1, UpdateState::deferred)}));
  const auto released = let_go(made.id);
  ASSERT_TRUE(released);
  EXPECT_FALSE(released->policy.download_only);
  EXPECT_TRUE(released->policy.consent) << "the rest of its policy stays";
  EXPECT_EQ(released->state, UpdateState::deferred) << "it is the device's to go on";
  EXPECT_EQ(store_->transitions(made.id, 0, 10)->back().message, "released by op, to be installed");
  EXPECT_ERROR(let_go(made.id), kNotHeld);
  EXPECT_ERROR(let_go(99), kDeploymentUnknown);
  EXPECT_TRUE(report("a", {step(made.id, 2, UpdateState::committed)}));
  EXPECT_ERROR(let_go(made.id), kDeploymentFinished);
}

TEST_P(StoreHolds, AReleasedRolloutIsSoForThoseWhoseTurnComesLater) {
  make_fleet();
  RolloutPlan held = plan();
  held.policy.download_only = true;
  const Rollout rollout = add(held).value();
  move(rollout, RolloutState::running, RolloutEvent::start, RolloutAction::open_wave);
  const auto first = offer(rollout.id, {"a", "b"}).value();
  ASSERT_EQ(first.made.size(), 2U);
  EXPECT_TRUE(first.made[0].policy.download_only);
  EXPECT_TRUE(report("b", {step(first.made[1].id, 1, UpdateState::failed)}));
  const auto released = let_go_all(rollout.id);
  ASSERT_TRUE(released);
  ASSERT_EQ(released->size(), 1U) << "what has ended is let be";
  EXPECT_EQ(released->front().device, "a");
  EXPECT_FALSE(store_->deployment(first.made[0].id)->policy.download_only);
  EXPECT_FALSE(store_->rollout(rollout.id)->plan.policy.download_only);
  EXPECT_FALSE(offer(rollout.id, {"c"})->made.at(0).policy.download_only);
  EXPECT_EQ(store_->rollout_events(rollout.id)->back().event, "release");
  EXPECT_ERROR(let_go_all(rollout.id), kNotHeld);
  EXPECT_ERROR(let_go_all(99), kRolloutUnknown);
}

TEST_P(StoreHolds, AnEndedRolloutReleasesNothing) {
  make_fleet();
  RolloutPlan held = plan();
  held.policy.download_only = true;
  const Rollout rollout = add(held).value();
  move(rollout, RolloutState::aborted, RolloutEvent::abort, RolloutAction::withdraw);
  EXPECT_ERROR(let_go_all(rollout.id), kRolloutState);
}

}  // namespace
}  // namespace aloft::fleet
