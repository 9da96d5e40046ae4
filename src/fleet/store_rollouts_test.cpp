// What every Store must do with rollouts.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "fleet/errors.hpp"
#include "fleet/store_contract.hpp"

namespace aloft::fleet {
namespace {

using protocol::UpdateState;

}  // namespace

void StoreRollouts::make_fleet() {
  for (const char* name : {"a", "b", "c", "d"}) {
    EXPECT_TRUE(enrol(name, name));
    EXPECT_TRUE(set_status(name, DeviceStatus::accepted));
  }
  release_ = add_release("2");
}

Result<Rollout> StoreRollouts::add(RolloutPlan plan) {
  const Rollout added =
      TRY(wait<Rollout>([&](auto done) { store_->add_rollout({.plan = std::move(plan), .created_by = "op", .now_ms = 5000}, done); }));
  TRY(gather(added.id));
  move(added, RolloutState::ready, RolloutEvent::gathered, RolloutAction::none);
  return store_->rollout(added.id);
}

Result<std::vector<Member>> StoreRollouts::add_members(std::uint64_t rollout, std::vector<Candidate> those) {
  return wait<std::vector<Member>>([&](auto done) { store_->add_members(rollout, those, 7000, done); });
}

std::vector<Deployment> StoreRollouts::withdraw(std::uint64_t rollout) {
  const auto those = store_->under_way(rollout, RolloutStore::Which::all).value();
  return wait<std::vector<Deployment>>([&](auto done) { store_->withdraw_some(rollout, those, 8000, done); }).value();
}

RolloutPlan StoreRollouts::plan(const std::string& filter) const {
  return {.name = "n", .release = release_.id, .filter = filter, .waves = {{.permille = 1000, .count = {}, .soak_s = 0}}};
}

MoveOutcome StoreRollouts::move(Rollout rollout, RolloutState state, RolloutEvent event, RolloutAction action) {
  rollout.state = state;
  if (action == RolloutAction::open_wave) rollout.wave = 1;
  if (action == RolloutAction::open_wave) rollout.reach = kWholeTarget;
  const MoveOrder order{.rollout = rollout, .event = event, .action = action, .by = "op"};
  return wait<MoveOutcome>([&](auto done) { store_->move_rollout(order, done); }).value();
}

Result<OfferOutcome> StoreRollouts::offer(std::uint64_t rollout, const std::vector<std::string>& names) {
  OfferRequest request{.rollout = rollout, .order = {}, .now_ms = 6000};
  for (const std::string& name : names) request.order.devices.push_back({.device = store_->device_facts(name)->id, .attempt = 1});
  return wait<OfferOutcome>([&](auto done) { store_->offer(request, done); });
}

Member StoreRollouts::member(std::uint64_t rollout, const std::string& name) {
  const std::vector<Member> all = store_->members(rollout, {}, "", 100).value();
  for (const Member& one : all)
    if (one.name == name) return one;
  ADD_FAILURE() << name << " is no member";
  return {};
}

namespace {

TEST_P(StoreRollouts, AreForThoseThatMatchAndFit) {
  make_fleet();
  EXPECT_TRUE(enrol("pending", "pending"));
  EXPECT_TRUE(wait<ReportOutcome>([&](auto done) { store_->apply_reports({"d", {{}, "2", {}}, 3000}, done); }));
  const auto preview = store_->preview_rollout(plan("name!=c")).value();
  EXPECT_EQ(preview.matching, 4U);
  EXPECT_EQ(preview.members, 2U);
  EXPECT_EQ(preview.waves, std::vector<std::uint64_t>{2});
  EXPECT_EQ(preview.left_out.size(), 2U);
  const Rollout rollout = add(plan("name!=c")).value();
  EXPECT_EQ(rollout.state, RolloutState::ready);
  EXPECT_EQ(rollout.counts[0], 2U);
  EXPECT_EQ(member(rollout.id, "a").sample, sample_of(to_hex(release_.sha256), "a"));
  EXPECT_ERROR(delete_release(release_.id), kReleaseInUse);
  EXPECT_ERROR(store_->rollout(99), kRolloutUnknown);
}

TEST_P(StoreRollouts, RefuseAReleaseToGoBackToThatIsNone) {
  make_fleet();
  RolloutPlan back = plan();
  back.rollback_release = release_.id;
  EXPECT_ERROR(add(back), kRolloutPlan);
  back.rollback_release = add_release("1", "other product").id;
  EXPECT_ERROR(add(back), kRolloutPlan);
  back.rollback_release = 99;
  EXPECT_ERROR(add(back), kReleaseUnknown);
}

TEST_P(StoreRollouts, OffersFollowWhatDevicesAre) {
  make_fleet();
  const Rollout rollout = add(plan()).value();
  EXPECT_ERROR(offer(rollout.id, {"a"}), kRolloutState) << "nothing is offered before the start";
  move(rollout, RolloutState::running, RolloutEvent::start, RolloutAction::open_wave);
  EXPECT_TRUE(deploy(release_.id, {"b"}));
  EXPECT_TRUE(wait<ReportOutcome>([&](auto done) { store_->apply_reports({"c", {{}, "2", {}}, 3000}, done); }));
  const OfferOutcome outcome = offer(rollout.id, {"a", "b", "c"}).value();
  ASSERT_EQ(outcome.made.size(), 1U);
  EXPECT_EQ(outcome.made[0].rollout, rollout.id);
  ASSERT_EQ(outcome.refused.size(), 2U);
  EXPECT_EQ(outcome.refused[0].why, RolloutRun::Refusal::busy);
  EXPECT_EQ(outcome.refused[1].why, RolloutRun::Refusal::skipped);
  EXPECT_EQ(member(rollout.id, "a").state, MemberState::offered);
  EXPECT_EQ(member(rollout.id, "c").state, MemberState::skipped);
  EXPECT_TRUE(report("a", {step(outcome.made[0].id, 1, UpdateState::downloading)}));
  EXPECT_EQ(member(rollout.id, "a").state, MemberState::offered);
  EXPECT_TRUE(report("a", {step(outcome.made[0].id, 2, UpdateState::committed)}));
  EXPECT_EQ(member(rollout.id, "a").state, MemberState::committed);
  EXPECT_EQ(store_->rollout(rollout.id)->counts[2], 1U);
}

TEST_P(StoreRollouts, ASilentDeviceMaySpeakLater) {
  make_fleet();
  const Rollout rollout = add(plan()).value();
  move(rollout, RolloutState::running, RolloutEvent::start, RolloutAction::open_wave);
  const Deployment deployment = offer(rollout.id, {"a"})->made.at(0);
  const SilenceOrder order{.device = deployment.device_id, .deployment = deployment.id};
  const auto silence = [&] {
    return wait<std::optional<Deployment>>([&](auto done) { store_->end_silent(rollout.id, order, 9000, done); });
  };
  EXPECT_EQ((*silence())->state, UpdateState::cancelled);
  EXPECT_EQ(member(rollout.id, "a").state, MemberState::silent);
  EXPECT_FALSE(silence()->has_value());
  EXPECT_TRUE(report("a", {step(deployment.id, 1, UpdateState::cancelled)}));
  EXPECT_EQ(member(rollout.id, "a").state, MemberState::silent);
  EXPECT_TRUE(report("a", {step(deployment.id, 2, UpdateState::committed)}));
  EXPECT_EQ(member(rollout.id, "a").state, MemberState::committed);
}

TEST_P(StoreRollouts, RollingBackWithdrawsAndMakesTheWayBack) {
  make_fleet();
  RolloutPlan there = plan();
  there.rollback_release = add_release("1").id;
  const Rollout rollout = add(there).value();
  move(rollout, RolloutState::running, RolloutEvent::start, RolloutAction::open_wave);
  const auto made = offer(rollout.id, {"a", "b"})->made;
  EXPECT_TRUE(report("a", {step(made[0].id, 1, UpdateState::committed)}, "2"));
  const MoveOutcome outcome =
      move(*store_->rollout(rollout.id), RolloutState::rolled_back, RolloutEvent::roll_back, RolloutAction::roll_back);
  EXPECT_EQ(store_->leftovers()->to_withdraw, std::vector{rollout.id});
  const auto withdrawn = withdraw(rollout.id);
  ASSERT_EQ(withdrawn.size(), 1U);
  EXPECT_EQ(withdrawn[0].device, "b");
  EXPECT_EQ(withdrawn[0].message, "rollout " + std::to_string(rollout.id) + " was rolled back");
  EXPECT_TRUE(withdraw(rollout.id).empty()) << "what has ended is let be";
  EXPECT_TRUE(store_->leftovers()->to_withdraw.empty());
  ASSERT_TRUE(outcome.successor);
  EXPECT_EQ(outcome.successor->state, RolloutState::gathering);
  EXPECT_EQ(gather(outcome.successor->id)->size(), 1U);
  EXPECT_EQ(gather(outcome.successor->id)->size(), 0U);
  EXPECT_EQ(outcome.successor->version, "1");
  EXPECT_EQ(outcome.successor->parent, rollout.id);
  const auto members = store_->members(outcome.successor->id, {}, "", 10).value();
  ASSERT_EQ(members.size(), 1U);
  EXPECT_EQ(members[0].name, "a");
  EXPECT_EQ(store_->rollout(rollout.id)->successor, outcome.successor->id);
  EXPECT_EQ(store_->rollouts(true, UINT64_MAX, 10)->size(), 1U);
}

TEST_P(StoreRollouts, RollingBackLeavesThoseThatHaveMovedOn) {
  make_fleet();
  RolloutPlan there = plan();
  there.rollback_release = add_release("1").id;
  const Rollout rollout = add(there).value();
  move(rollout, RolloutState::running, RolloutEvent::start, RolloutAction::open_wave);
  const auto made = offer(rollout.id, {"a", "b", "c"})->made;
  EXPECT_TRUE(report("a", {step(made[0].id, 1, UpdateState::committed)}, "2"));
  EXPECT_TRUE(report("b", {step(made[1].id, 1, UpdateState::committed)}, "2"));
  EXPECT_TRUE(report("b", {}, "3"));
  const Rollout back =
      *move(*store_->rollout(rollout.id), RolloutState::rolled_back, RolloutEvent::roll_back, RolloutAction::roll_back).successor;
  withdraw(rollout.id);
  EXPECT_EQ(gather(back.id)->size(), 1U);
  EXPECT_TRUE(report("c", {step(made[2].id, 1, UpdateState::committed)}, "2"));
  EXPECT_EQ(gather(back.id)->size(), 1U) << "a late commit joins: its version is known with it";
  move(back, RolloutState::running, RolloutEvent::start, RolloutAction::open_wave);
  EXPECT_TRUE(report("a", {}, "3"));
  const OfferOutcome outcome = offer(back.id, {"a", "c"}).value();
  ASSERT_EQ(outcome.made.size(), 1U);
  EXPECT_EQ(outcome.made[0].device, "c");
  EXPECT_EQ(member(back.id, "a").state, MemberState::skipped);
  EXPECT_EQ(member(back.id, "a").reason, "it no longer runs 2");
}

TEST_P(StoreRollouts, TheWayBackMayLeadThroughAReleaseAbove) {
  make_fleet();
  const Release stone = add_release("3");
  EXPECT_TRUE(wait<Release>([&](auto done) { store_->set_must_pass(stone.id, true, done); }));
  RolloutPlan there = plan();
  there.rollback_release = add_release("4").id;
  const Rollout rollout = add(there).value();
  move(rollout, RolloutState::running, RolloutEvent::start, RolloutAction::open_wave);
  const Deployment bad = offer(rollout.id, {"a"})->made.at(0);
  EXPECT_TRUE(report("a", {step(bad.id, 1, UpdateState::committed)}, "2"));
  const Rollout back =
      *move(*store_->rollout(rollout.id), RolloutState::rolled_back, RolloutEvent::roll_back, RolloutAction::roll_back).successor;
  EXPECT_EQ(gather(back.id)->size(), 1U);
  move(back, RolloutState::running, RolloutEvent::start, RolloutAction::open_wave);
  const Deployment first = offer(back.id, {"a"})->made.at(0);
  EXPECT_EQ(first.version, "3");
  EXPECT_TRUE(report("a", {step(first.id, 1, UpdateState::committed)}, "3"));
  const auto second = offer(back.id, {"a"})->made;
  ASSERT_EQ(second.size(), 1U) << member(back.id, "a").reason;
  EXPECT_EQ(second[0].version, "4");
}

TEST_P(StoreRollouts, TellWhetherDevicesMayStillCommit) {
  make_fleet();
  const Rollout rollout = add(plan()).value();
  move(rollout, RolloutState::running, RolloutEvent::start, RolloutAction::open_wave);
  const auto made = offer(rollout.id, {"a", "b", "c"})->made;
  const auto may = [&] { return store_->may_still_commit(rollout.id).value(); };
  EXPECT_TRUE(report("a", {step(made[0].id, 1, UpdateState::committed)}, "2"));
  EXPECT_TRUE(may()) << "two have not ended";
  move(*store_->rollout(rollout.id), RolloutState::aborted, RolloutEvent::abort, RolloutAction::withdraw);
  withdraw(rollout.id);
  EXPECT_TRUE(may()) << "what the server has noted is not the device's word";
  EXPECT_TRUE(report("b", {step(made[1].id, 1, UpdateState::cancelled)}));
  EXPECT_TRUE(report("c", {step(made[2].id, 1, UpdateState::rebooting)}));
  EXPECT_TRUE(may());
  EXPECT_TRUE(report("c", {step(made[2].id, 2, UpdateState::committed)}, "2"));
  EXPECT_FALSE(may());
}

TEST_P(StoreRollouts, AskDevicesOfHawkbitsProtocolForTheirLastWord) {
  release_ = add_release("2");
  const DdiRegistration wanted{.name = "x", .product = "p", .hardware = "h"};
  ASSERT_TRUE(wait<Device>([&](auto done) { store_->register_ddi_device(wanted, done); }));
  const Rollout rollout = add(plan()).value();
  move(rollout, RolloutState::running, RolloutEvent::start, RolloutAction::open_wave);
  const Deployment deployment = offer(rollout.id, {"x"})->made.at(0);
  withdraw(rollout.id);
  const auto say = [&](std::optional<UpdateState> state, Closing closing) {
    DdiFeedback said{.device = "x", .deployment = deployment.id, .state = state, .closing = closing, .of_withdrawal = true};
    EXPECT_TRUE(wait<DdiOutcome>([&](auto done) { store_->apply_feedback(said, done); }));
    return store_->may_still_commit(rollout.id).value();
  };
  EXPECT_TRUE(say(std::nullopt, Closing::goes_on));
  EXPECT_FALSE(say(UpdateState::cancelled, Closing::closed));
}

TEST_P(StoreRollouts, TellWhoseDeviceWaits) {
  make_fleet();
  const Rollout rollout = add(plan("name==a")).value();
  move(rollout, RolloutState::running, RolloutEvent::start, RolloutAction::open_wave);
  const Deployment deployment = offer(rollout.id, {"a"})->made.at(0);
  const auto waits = [&] { return store_->all_members(rollout.id)->at(0).waits; };
  EXPECT_FALSE(waits());
  EXPECT_TRUE(report("a", {step(deployment.id, 1, UpdateState::deferred)}));
  EXPECT_TRUE(waits());
  EXPECT_TRUE(report("a", {step(deployment.id, 2, UpdateState::downloading)}));
  EXPECT_FALSE(waits());
}

TEST_P(StoreRollouts, DevicesJoinOnceAndCanBeTakenOut) {
  make_fleet();
  const Rollout rollout = add(plan("tag==beta")).value();
  EXPECT_TRUE(tag("beta", {.add = {"a", "b"}, .remove = {}}));
  EXPECT_EQ(gather(rollout.id)->size(), 2U);
  EXPECT_EQ(gather(rollout.id)->size(), 0U);
  const auto take_out = [&](const std::string& name) {
    return wait<RolloutStore::CancelledMember>([&](auto done) { store_->cancel_member(rollout.id, name, "op", 8000, done); });
  };
  EXPECT_TRUE(take_out("a"));
  EXPECT_ERROR(take_out("a"), kRolloutState);
  EXPECT_ERROR(take_out("c"), kMemberUnknown);
  EXPECT_EQ(member(rollout.id, "a").reason, "cancelled by op");
  EXPECT_EQ(store_->memberships("a")->at(0).rollout.id, rollout.id);
  EXPECT_TRUE(wait<std::uint64_t>([&](auto done) { store_->delete_device("b", done); }));
  EXPECT_EQ(store_->all_members(rollout.id)->size(), 1U);
}

TEST_P(StoreRollouts, AreOfNobodyWhoCameInAnothersPlace) {
  make_fleet();
  const Rollout rollout = add(plan("name==d")).value();
  move(rollout, RolloutState::running, RolloutEvent::start, RolloutAction::open_wave);
  const std::uint64_t gone = store_->device_facts("d")->id;
  EXPECT_EQ(wait<std::uint64_t>([&](auto done) { store_->delete_device("d", done); }), gone);
  EXPECT_TRUE(enrol("stranger", "stranger"));
  EXPECT_TRUE(set_status("stranger", DeviceStatus::accepted));
  EXPECT_GT(store_->device_facts("stranger")->id, gone) << "an id is never given twice";
  OfferRequest request{.rollout = rollout.id, .order = {}, .now_ms = 6000};
  for (const std::uint64_t device : {gone, store_->device_facts("stranger")->id})
    request.order.devices.push_back({.device = device, .attempt = 1});
  const OfferOutcome outcome = wait<OfferOutcome>([&](auto done) { store_->offer(request, done); }).value();
  EXPECT_TRUE(outcome.made.empty()) << "who is no member gets nothing";
  ASSERT_EQ(outcome.refused.size(), 2U);
  for (const auto& refused : outcome.refused) EXPECT_EQ(refused.why, RolloutRun::Refusal::gone);
}

// Wherever the server ends between two pieces: the rest is found again, and nobody is there twice.
TEST_P(StoreRollouts, AreMadeInPiecesThatCanBeBegunAgain) {
  make_fleet();
  const std::size_t all = 4;
  for (std::size_t written = 0; written <= all; ++written) {
    const Rollout rollout =
        wait<Rollout>([&](auto done) { store_->add_rollout({.plan = plan(), .created_by = "op", .now_ms = 5000}, done); }).value();
    EXPECT_EQ(rollout.state, RolloutState::gathering);
    EXPECT_EQ(store_->rollouts(true, UINT64_MAX, 1)->at(0).id, rollout.id) << "it is under way";
    std::vector<Candidate> found = store_->candidates(rollout.id).value();
    ASSERT_EQ(found.size(), all);
    EXPECT_TRUE(std::ranges::is_sorted(found, {}, &Candidate::device));
    found.resize(written);
    EXPECT_EQ(add_members(rollout.id, found)->size(), written);
    EXPECT_EQ(store_->rollout(rollout.id)->counts[0], written);
    EXPECT_EQ(store_->candidates(rollout.id)->size(), all - written);
    EXPECT_EQ(gather(rollout.id)->size(), all - written);
    EXPECT_TRUE(add_members(rollout.id, found)->empty()) << "those that are in it are passed over";
    EXPECT_TRUE(store_->candidates(rollout.id)->empty());
    EXPECT_EQ(store_->all_members(rollout.id)->size(), all);
    move(rollout, RolloutState::aborted, RolloutEvent::abort, RolloutAction::none);
    EXPECT_ERROR(add_members(rollout.id, found), kRolloutState) << "nobody joins what has ended";
  }
  EXPECT_ERROR(store_->candidates(99), kRolloutUnknown);
}

TEST_P(StoreRollouts, ADeviceIsOfTheWaveThatReachedItFirst) {
  make_fleet();
  Rollout rollout = add(plan()).value();
  std::vector<Member> members = store_->all_members(rollout.id).value();
  std::ranges::sort(members, {}, &Member::sample);
  const auto waves = [&] {
    const std::vector<Member> all = store_->all_members(rollout.id).value();
    std::vector<std::uint64_t> found;
    for (const Member& one : members)
      for (const Member& now : all)
        if (now.device == one.device) found.push_back(now.wave);
    return found;
  };
  const auto open = [&](std::uint64_t wave, std::uint64_t reach, RolloutAction action) {
    rollout.state = RolloutState::running;
    rollout.wave = wave;
    rollout.reach = reach;
    const MoveOrder order{.rollout = rollout, .event = RolloutEvent::soak_over, .action = action, .by = ""};
    ASSERT_TRUE(wait<MoveOutcome>([&](auto done) { store_->move_rollout(order, done); }));
  };
  EXPECT_EQ(waves(), (std::vector<std::uint64_t>{0, 0, 0, 0}));
  open(1, members[0].sample + 1, RolloutAction::open_wave);
  EXPECT_EQ(waves(), (std::vector<std::uint64_t>{1, 0, 0, 0}));
  open(1, members[1].sample + 1, RolloutAction::widen);
  EXPECT_EQ(waves(), (std::vector<std::uint64_t>{1, 1, 0, 0}));
  open(2, members[2].sample + 1, RolloutAction::open_wave);
  EXPECT_EQ(waves(), (std::vector<std::uint64_t>{1, 1, 2, 0}));
  EXPECT_TRUE(enrol("late", "late"));
  EXPECT_TRUE(set_status("late", DeviceStatus::accepted));
  const Member late{.device = store_->device_facts("late")->id, .sample = 0, .wave = 2, .changed_ms = 1};
  EXPECT_TRUE(wait<std::optional<Member>>([&](auto done) { store_->join_rollout(rollout.id, late, done); })->has_value());
  EXPECT_EQ(member(rollout.id, "late").wave, 2U) << "who comes late is of the wave that is open, wherever it stands";
  EXPECT_EQ(store_->memberships("late")->at(0).member.wave, 2U);
}

// Whatever a device ran: it goes through all that has to be passed between that and the target, in order, and nothing else.
TEST_P(StoreRollouts, DevicesPassThroughWhatTheyMust) {
  std::mt19937 engine(7);
  for (int round = 0; round < 6; ++round) {
    const std::string product = "p" + std::to_string(round);
    std::map<std::string, Release> releases;
    std::set<int> stones;
    for (int v = 1; v <= 12; ++v) {
      const Release release = add_release(std::to_string(v), product);
      releases.emplace(release.version, release);
      if (engine() % 3 != 0) continue;
      stones.insert(v);
      EXPECT_TRUE(wait<Release>([&](auto done) { store_->set_must_pass(release.id, true, done); })->must_pass);
    }
    const int target = 9 + static_cast<int>(engine() % 3);
    const int first = 1 + static_cast<int>(engine() % 8);
    const std::string name = "way-" + std::to_string(round);
    Enrolment enrolment{.now_ms = 1};
    enrolment.device = {.name = name,
                        .public_key = name,
                        .key_sha256 = digest(name),
                        .product = product,
                        .hardware = "h",
                        .version = std::to_string(first)};
    ASSERT_TRUE(wait<Device>([&](auto done) { store_->enrol(enrolment, done); }));
    ASSERT_TRUE(set_status(name, DeviceStatus::accepted));
    RolloutPlan plan{.name = "n",
                     .release = releases.at(std::to_string(target)).id,
                     .filter = "name==" + name,
                     .waves = {{.permille = 1000, .count = {}, .soak_s = 0}}};
    const Rollout rollout = add(plan).value();
    move(rollout, RolloutState::running, RolloutEvent::start, RolloutAction::open_wave);
    std::vector<int> way;
    while (member(rollout.id, name).state == MemberState::waiting) {
      ASSERT_LT(way.size(), 20U);
      const auto made = offer(rollout.id, {name})->made;
      ASSERT_EQ(made.size(), 1U);
      way.push_back(std::stoi(made[0].version));
      EXPECT_EQ(made[0].artifact_sha256, releases.at(made[0].version).sha256);
      const protocol::Reports reports{.reports = {step(made[0].id, 1, UpdateState::committed)}, .version = made[0].version, .problem = {}};
      ASSERT_TRUE(wait<ReportOutcome>([&](auto done) { store_->apply_reports({name, reports, 3000}, done); }));
    }
    std::vector<int> expected;
    for (const int stone : stones)
      if (stone > first && stone < target) expected.push_back(stone);
    expected.push_back(target);
    EXPECT_EQ(way, expected) << "from " << first << " to " << target;
    EXPECT_EQ(member(rollout.id, name).state, MemberState::committed);
    EXPECT_EQ(member(rollout.id, name).attempts, 1U);
  }
}

TEST_P(StoreRollouts, AReleaseOnTheWayThatFailsIsAFailureAndAgainIsAgain) {
  make_fleet();
  const Release stone = add_release("1.5");
  EXPECT_TRUE(wait<Release>([&](auto done) { store_->set_must_pass(stone.id, true, done); }));
  const Rollout rollout = add(plan("name==a")).value();
  move(rollout, RolloutState::running, RolloutEvent::start, RolloutAction::open_wave);
  const Deployment first = offer(rollout.id, {"a"})->made.at(0);
  EXPECT_EQ(first.version, "1.5");
  EXPECT_EQ(member(rollout.id, "a").reason, "passes through 1.5 first");
  EXPECT_TRUE(report("a", {step(first.id, 1, UpdateState::rolled_back)}));
  EXPECT_EQ(member(rollout.id, "a").state, MemberState::rolled_back);
  const Deployment again = offer(rollout.id, {"a"})->made.at(0);
  EXPECT_EQ(again.version, "1.5") << "a retry begins where it failed";
  EXPECT_TRUE(wait<RolloutStore::CancelledMember>([&](auto done) { store_->cancel_member(rollout.id, "a", "op", 9000, done); }));
  EXPECT_TRUE(report("a", {step(again.id, 1, UpdateState::committed)}));
  EXPECT_EQ(member(rollout.id, "a").state, MemberState::cancelled)
      << "who was taken out stays out, however late it comes to the release on the way";
  EXPECT_EQ(wait<Release>([&](auto done) { store_->set_must_pass(99, true, done); }).error().code.number, kReleaseUnknown.number);
}

}  // namespace
}  // namespace aloft::fleet
