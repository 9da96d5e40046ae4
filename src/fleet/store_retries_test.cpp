// What every Store must do with a rollout's devices that are tried again.
#include "fleet/errors.hpp"
#include "fleet/store_contract.hpp"

namespace aloft::fleet {
namespace {

using protocol::UpdateState;

}  // namespace

Rollout StoreRollouts::running_with_a_retry() {
  make_fleet();
  RolloutPlan twice = plan();
  twice.retries = 1;
  Rollout rollout = add(twice).value();
  move(rollout, RolloutState::running, RolloutEvent::start, RolloutAction::open_wave);
  return rollout;
}

TEST_P(StoreRollouts, WhoIsTriedAgainWaitsAndCanBeTakenOut) {
  const Rollout rollout = running_with_a_retry();
  const auto made = offer(rollout.id, {"a", "b", "c"})->made;
  ASSERT_EQ(made.size(), 3U);
  EXPECT_TRUE(report("a", {step(made[0].id, 1, UpdateState::failed)}));
  EXPECT_TRUE(report("b", {step(made[1].id, 1, UpdateState::rolled_back)}));
  for (const char* name : {"a", "b"}) EXPECT_EQ(member(rollout.id, name).state, MemberState::waiting);
  EXPECT_EQ(member(rollout.id, "a").reason, "failed, and may be tried again");
  EXPECT_EQ(member(rollout.id, "b").reason, "rolled back, and may be tried again");
  EXPECT_TRUE(wait<RolloutStore::CancelledMember>([&](auto done) { store_->cancel_member(rollout.id, "a", "op", 8000, done); }));
  EXPECT_EQ(member(rollout.id, "a").state, MemberState::cancelled);
  OfferRequest again{.rollout = rollout.id, .order = {.devices = {{.device = made[1].device_id, .attempt = 2}}}, .now_ms = 9000};
  const auto second = wait<OfferOutcome>([&](auto done) { store_->offer(again, done); })->made;
  ASSERT_EQ(second.size(), 1U);
  EXPECT_TRUE(report("b", {step(second[0].id, 1, UpdateState::failed)}));
  EXPECT_EQ(member(rollout.id, "b").state, MemberState::failed) << "its tries are used up";
  move(*store_->rollout(rollout.id), RolloutState::finished, RolloutEvent::finish, RolloutAction::none);
  EXPECT_TRUE(report("c", {step(made[2].id, 1, UpdateState::failed)}));
  EXPECT_EQ(member(rollout.id, "c").state, MemberState::failed) << "nobody is tried again by what has ended";
}

TEST_P(StoreRollouts, NobodyWaitsForAnotherTryWhenAllHasEnded) {
  make_fleet();
  RolloutPlan twice = plan();
  twice.retries = 1;
  twice.rollback_release = add_release("1").id;
  for (const RolloutEvent event : {RolloutEvent::abort, RolloutEvent::finish, RolloutEvent::roll_back}) {
    const Rollout rollout = add(twice).value();
    move(rollout, RolloutState::running, RolloutEvent::start, RolloutAction::open_wave);
    EXPECT_TRUE(report("a", {step(offer(rollout.id, {"a"})->made.at(0).id, 1, UpdateState::failed)}));
    EXPECT_TRUE(report("b", {step(offer(rollout.id, {"b"})->made.at(0).id, 1, UpdateState::rolled_back)}));
    const RolloutStep end = fleet::step(RolloutState::paused, event).value();
    move(*store_->rollout(rollout.id), end.to, event, end.action);
    EXPECT_EQ(member(rollout.id, "a").reason + member(rollout.id, "b").reason, "");
    EXPECT_EQ(store_->rollout(rollout.id)->counts, (MemberCounts{2, 0, 0, 1, 1, 0, 0, 0})) << "two were never offered it";
  }
}

TEST_P(StoreRollouts, WhoCouldNotBeTriedAgainForAnotherDeploymentHasFailedWhenAllHasEnded) {
  const Rollout rollout = running_with_a_retry();
  EXPECT_TRUE(report("a", {step(offer(rollout.id, {"a"})->made.at(0).id, 1, UpdateState::failed)}));
  EXPECT_TRUE(report("b", {step(offer(rollout.id, {"b"})->made.at(0).id, 1, UpdateState::rolled_back)}));
  EXPECT_TRUE(deploy(add_release("3").id, {"a", "b", "c"}));
  EXPECT_EQ(offer(rollout.id, {"a", "b", "c"})->refused.size(), 3U) << "all are busy";
  move(*store_->rollout(rollout.id), RolloutState::aborted, RolloutEvent::abort, RolloutAction::none);
  EXPECT_EQ(store_->rollout(rollout.id)->counts, (MemberCounts{2, 0, 0, 1, 1, 0, 0, 0}));
  EXPECT_EQ(member(rollout.id, "a").state, MemberState::failed);
}

TEST_P(StoreRollouts, WhoWasTakenOutIsNotTriedAgain) {
  const Rollout rollout = running_with_a_retry();
  const auto made = offer(rollout.id, {"a", "b", "c"})->made;
  ASSERT_EQ(made.size(), 3U);
  EXPECT_TRUE(wait<RolloutStore::CancelledMember>([&](auto done) { store_->cancel_member(rollout.id, "a", "op", 8000, done); }));
  EXPECT_TRUE(wait<Deployment>([&](auto done) { store_->cancel_deployment(made[1].id, "op", 8000, done); }));
  EXPECT_TRUE(report("a", {step(made[0].id, 1, UpdateState::rolled_back)}));
  EXPECT_TRUE(report("b", {step(made[1].id, 1, UpdateState::failed)}));
  EXPECT_EQ(member(rollout.id, "a").state, MemberState::rolled_back) << "its last word is the truth, and the end";
  EXPECT_EQ(member(rollout.id, "b").state, MemberState::failed);
  // The order to offer it again was on its way when a person took it out.
  EXPECT_TRUE(report("c", {step(made[2].id, 1, UpdateState::failed)}));
  EXPECT_TRUE(wait<RolloutStore::CancelledMember>([&](auto done) { store_->cancel_member(rollout.id, "c", "op", 8000, done); }));
  const OfferOutcome late = offer(rollout.id, {"c"}).value();
  EXPECT_TRUE(late.made.empty());
  ASSERT_EQ(late.refused.size(), 1U);
  EXPECT_EQ(late.refused[0].why, RolloutRun::Refusal::gone);
  EXPECT_EQ(member(rollout.id, "c").state, MemberState::cancelled);
}

}  // namespace aloft::fleet
