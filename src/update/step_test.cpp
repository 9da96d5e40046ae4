#include "update/step.hpp"

#include <gtest/gtest.h>

#include <set>

#include "update/errors.hpp"

namespace aloft::update {
namespace {

using A = Action;
using E = EventKind;
using P = Phase;

std::vector<Phase> all_phases() {
  std::vector<Phase> phases;
  for (std::size_t i = 0; i < kPhaseCount; ++i) phases.push_back(static_cast<Phase>(i));
  return phases;
}

std::vector<EventKind> all_events() {
  std::vector<EventKind> kinds;
  for (std::size_t i = 0; i < kEventCount; ++i) kinds.push_back(static_cast<EventKind>(i));
  return kinds;
}

State in(Phase phase) {
  State state{.phase = phase, .update = 3, .sequence = 5, .origin = "A", .target = "B", .boot_id = "one"};
  if (phase == P::offered) state.origin = state.target = "";
  // On a detour: A is the normal system, C the recovery system that has to write it.
  if (phase == P::summoning || phase == P::crossing || phase == P::unanswered || phase == P::stranded) {
    state.target = "A";
    state.via = "C";
  }
  return state;
}

bool is_waking(EventKind kind) {
  return kind == E::resumed || kind == E::woke_old || kind == E::woke_trial || kind == E::woke_committed || kind == E::woke_recovery ||
         kind == E::woke_alone;
}

// The whole matrix at a glance: what each phase does with each event; "-" refuses it.
TEST(Step, TheWholeMatrix) {
  std::string matrix;
  for (const Phase phase : all_phases()) {
    for (const EventKind kind : all_events()) {
      const auto next = step(in(phase), Event{kind, {}});
      if (next)
        matrix +=
            std::string(to_string(phase)) + " " + std::string(to_string(kind)) + " " + std::string(to_string(next->state.phase)) + "\n";
    }
  }
  EXPECT_EQ(std::ranges::count(matrix, '\n'), 110) << matrix;
}

TEST(Step, EverythingHasANameOfItsOwn) {
  std::set<std::string_view> phases;
  std::set<std::string_view> events;
  for (const Phase phase : all_phases()) phases.insert(to_string(phase));
  for (const EventKind kind : all_events()) events.insert(to_string(kind));
  EXPECT_EQ(phases.size(), kPhaseCount);
  EXPECT_EQ(events.size(), kEventCount);
  EXPECT_FALSE(phases.contains("") || events.contains(""));
  EXPECT_EQ(to_string(A::wait_a_while), "wait_a_while") << "the last action";
}

TEST(Step, AGoodUpdateGoesStraightToCommitted) {
  State state = in(P::idle);
  const std::vector<std::pair<EventKind, Action>> story = {
      {E::offer, A::ask_policy}, {E::accept, A::open},      {E::opened, A::prepare_target}, {E::prepared, A::write_images},
      {E::written, A::arm},      {E::armed, A::ready},      {E::going, A::reboot},          {E::woke_trial, A::check_health},
      {E::healthy, A::commit},   {E::kept, A::raise_floor},
  };
  for (const auto& [kind, action] : story) {
    const auto next = step(state, Event{kind, {}});
    ASSERT_TRUE(next) << to_string(state.phase) << " refuses " << to_string(kind);
    EXPECT_EQ(next->action, action);
    state = next->state;
  }
  EXPECT_EQ(state.phase, P::committed);
  EXPECT_EQ(state.sequence, 9U);
}

TEST(Step, WhatIsUnderWayRefusesAnotherOffer) {
  for (const Phase phase : all_phases()) {
    const bool expected = is_at_rest(phase) || phase == P::deferred || phase == P::stranded;
    EXPECT_EQ(step(in(phase), Event{E::offer, {}}).has_value(), expected) << to_string(phase);
  }
}

TEST(Step, WhatIsDeferredForAReasonForgetsItWhenItGoesOn) {
  State facts;
  facts.error = 8062;
  facts.error_name = "over-budget";
  facts.message = "too dear";
  const auto deferred = step(in(P::installing), Event{E::defer, facts});
  ASSERT_TRUE(deferred);
  EXPECT_EQ(deferred->state.error, 8062U);
  EXPECT_EQ(deferred->state.message, "too dear");
  State other;
  other.source = "by a delta";
  const auto accepted = step(deferred->state, Event{E::accept, other});
  ASSERT_TRUE(accepted);
  EXPECT_EQ(accepted->state.error, 0U);
  EXPECT_EQ(accepted->state.error_name + accepted->state.message, "");
  EXPECT_EQ(accepted->state.source, "by a delta");
  EXPECT_FALSE(step(accepted->state, Event{E::accept, {}}));
  EXPECT_EQ(step(deferred->state, Event{E::accept, {}})->state.source, deferred->state.source);
}

TEST(Step, OnceArmedNothingButTheTrialDecides) {
  for (const Phase phase : {P::armed, P::rebooting, P::on_trial, P::retreating, P::returned}) {
    EXPECT_FALSE(step(in(phase), Event{E::cancel, {}})) << to_string(phase);
    EXPECT_FALSE(step(in(phase), Event{E::defer, {}})) << to_string(phase);
  }
}

// Nothing is armed but from verified, nothing is written but after prepare_target, nothing is committed but from a trial that is healthy.
TEST(Step, DangerousActionsHaveOneWayIn) {
  for (const Phase phase : all_phases()) {
    for (const EventKind kind : all_events()) {
      const auto next = step(in(phase), Event{kind, {}});
      if (!next) continue;
      if (next->action == A::write_images) {
        EXPECT_EQ(kind, E::prepared);
      }
      if (next->action == A::arm) {
        EXPECT_EQ(next->state.phase, P::verified);
      }
      if (next->state.phase == P::verified) {
        EXPECT_TRUE(phase == P::verified || (phase == P::installing && kind == E::written));
      }
      if (next->action == A::commit) {
        EXPECT_TRUE(phase == P::on_trial && kind == E::healthy);
      }
      if (next->action == A::raise_floor) {
        EXPECT_EQ(next->state.phase, P::committed);
      }
      if (next->state.phase == P::committed && phase != P::committed) {
        EXPECT_TRUE(kind == E::kept || kind == E::woke_committed);
      }
    }
  }
}

// Whatever a machine finds itself to be, every phase that is under way goes on.
TEST(Step, NoPhaseIsStuckAfterAStart) {
  for (const Phase phase : all_phases()) {
    for (const char* booted : {"A", "B", "C"}) {
      for (const char* boot_id : {"one", "two"}) {
        for (const bool committed : {false, true}) {
          for (const char* first : {"A", "B", "C"}) {
            const State state = in(phase);
            const EventKind kind = classify(state, Waking{booted, boot_id, committed, first});
            ASSERT_TRUE(is_waking(kind));
            const auto next = step(state, Event{kind, {}});
            if (!is_at_rest(phase)) {
              ASSERT_TRUE(next) << to_string(phase) << " has no answer to " << to_string(kind);
              EXPECT_NE(next->action, A::none) << to_string(phase) << " does nothing on " << to_string(kind);
            }
          }
        }
      }
    }
  }
}

// From every phase, by events that its own action can bring and by starts, a phase at rest can be reached.
TEST(Step, EveryPathEndsAtRest) {
  std::set<Phase> ends;
  for (const Phase phase : all_phases()) {
    if (is_at_rest(phase)) ends.insert(phase);
  }
  for (bool grown = true; grown;) {
    grown = false;
    for (const Phase phase : all_phases()) {
      if (ends.contains(phase)) continue;
      for (const EventKind kind : all_events()) {
        const auto next = step(in(phase), Event{kind, {}});
        if (next && ends.contains(next->state.phase)) grown |= ends.insert(phase).second;
      }
    }
  }
  EXPECT_EQ(ends.size(), kPhaseCount);
}

TEST(Step, TheFirstReasonStays) {
  State state = in(P::on_trial);
  State why;
  why.error = kUnhealthy.number;
  why.message = "10-network: no route";
  state = step(state, Event{E::unhealthy, why})->state;
  State later;
  later.error = kTriesUsed.number;
  later.message = "tries used";
  state = step(state, Event{E::woke_old, later})->state;
  state = step(state, Event{E::gave_up, {}})->state;
  EXPECT_EQ(state.phase, P::rolled_back);
  EXPECT_EQ(state.error, kUnhealthy.number);
  EXPECT_EQ(state.message, "10-network: no route");
}

TEST(Step, AnOfferStartsAFreshState) {
  State before = in(P::failed);
  before.error = 7;
  before.mark.frames = 12;
  State facts;
  facts.source = "/media/stick/new.aloft";
  facts.deployment = 9;
  const State state = step(before, Event{E::offer, facts})->state;
  EXPECT_EQ(state.update, 4U);
  EXPECT_EQ(state.sequence, 1U);
  EXPECT_EQ(state.deployment, 9U);
  EXPECT_EQ(state.error, 0U);
  EXPECT_EQ(state.target, "");
  EXPECT_EQ(state.mark.frames, 0U);
}

TEST(Step, TheMarkOutlivesACutButNotAnotherBundle) {
  State facts;
  facts.manifest_sha256 = "aa";
  facts.target = "B";
  State state = step(in(P::accepted), Event{E::opened, facts})->state;
  state.mark.frames = 40;
  state.phase = P::accepted;
  EXPECT_EQ(step(state, Event{E::opened, facts})->state.mark.frames, 40U);
  facts.manifest_sha256 = "bb";
  EXPECT_EQ(step(state, Event{E::opened, facts})->state.mark.frames, 0U);
}

TEST(Classify, ARestartedAgentIsNoReboot) {
  EXPECT_EQ(classify(in(P::rebooting), Waking{"A", "one", true, "B"}), E::resumed);
  EXPECT_EQ(classify(in(P::rebooting), Waking{"A", "two", true, "B"}), E::woke_old);
}

TEST(Classify, ACutBetweenArmingAndItsRecordIsSeenInTheBootOrder) {
  EXPECT_EQ(classify(in(P::verified), Waking{"B", "two", false, "B"}), E::woke_trial);
  EXPECT_EQ(classify(in(P::verified), Waking{"A", "two", true, "B"}), E::woke_old);
  EXPECT_EQ(classify(in(P::verified), Waking{"A", "two", true, "A"}), E::resumed);
}

// In the asymmetric layout: offered in the normal system A, carried on in the recovery system C, tried in A.
TEST(Step, AnUpdateThroughTheRecoverySystem) {
  State state = in(P::accepted);
  State elsewhere;
  elsewhere.origin = elsewhere.target = "A";
  elsewhere.via = "C";
  state = step(state, Event{E::elsewhere, elsewhere})->state;
  EXPECT_EQ(state.phase, P::summoning);
  const auto armed = step(state, Event{E::armed, {}});
  EXPECT_EQ(armed->action, A::reboot);
  EXPECT_EQ(classify(armed->state, Waking{"C", "two", false, "C"}), E::woke_recovery);
  const auto arrived = step(armed->state, Event{E::woke_recovery, {}});
  EXPECT_EQ(arrived->state.phase, P::accepted);
  EXPECT_EQ(arrived->action, A::open);
  State opened = elsewhere;
  opened.origin = "C";
  EXPECT_EQ(step(arrived->state, Event{E::opened, opened})->action, A::prepare_target);
}

TEST(Classify, ARecoverySystemThatDoesNotComeUpIsGivenUp) {
  EXPECT_EQ(classify(in(P::summoning), Waking{"A", "two", true, "A"}), E::resumed) << "it was not armed yet";
  EXPECT_EQ(classify(in(P::summoning), Waking{"A", "two", true, "C"}), E::woke_old);
  EXPECT_EQ(classify(in(P::crossing), Waking{"A", "one", true, "C"}), E::resumed) << "the agent was restarted, not the machine";
  EXPECT_EQ(classify(in(P::crossing), Waking{"A", "two", true, "A"}), E::woke_old);
  EXPECT_EQ(step(in(P::crossing), Event{E::woke_old, {}})->action, A::abandon_recovery);
  EXPECT_EQ(classify(in(P::unanswered), Waking{"C", "two", false, "C"}), E::woke_recovery) << "late, but there";
}

// Only nothing that is whole makes another round; and that round's reason is its own.
TEST(Step, AStrandedUpdateIsTriedAgain) {
  State why;
  why.error = 7013;
  const State stranded = step(in(P::installing), Event{E::stuck, why})->state;
  EXPECT_EQ(stranded.phase, P::stranded);
  EXPECT_EQ(stranded.error, 7013U);
  for (const EventKind kind : {E::again, E::resumed}) {
    const auto next = step(stranded, Event{kind, {}});
    EXPECT_EQ(next->action, A::open);
    EXPECT_EQ(next->state.error, 0U);
  }
}

TEST(Classify, ARecoverySystemGoesHomeOnce) {
  State state = in(P::failed);
  state.via = "C";
  EXPECT_EQ(classify(state, Waking{"C", "two", true, "C"}), E::woke_recovery);
  EXPECT_EQ(classify(state, Waking{"C", "two", true, "A"}), E::resumed) << "the boot loader has chosen it in spite of the order";
  EXPECT_FALSE(step(state, Event{E::resumed, {}}));
}

// The boot loader has not passed the target over: nobody has asked it to start it.
TEST(Classify, ATrialThatNeedsAnArgumentIsStartedAgain) {
  Waking waking{"A", "two", true, "B"};
  waking.trial_waits = true;
  EXPECT_EQ(classify(in(P::verified), waking), E::resumed);
  EXPECT_EQ(classify(in(P::armed), waking), E::resumed);
  EXPECT_EQ(classify(in(P::rebooting), waking), E::resumed);
  EXPECT_EQ(classify(in(P::on_trial), waking), E::resumed);
  EXPECT_EQ(step(in(P::on_trial), Event{E::resumed, {}})->action, A::reboot);
  EXPECT_EQ(classify(in(P::retreating), waking), E::woke_old);
}

TEST(Classify, ALostJournalLeavesATrialToBeJudged) {
  EXPECT_EQ(classify(State{}, Waking{"B", "two", false, "B"}), E::woke_trial);
  EXPECT_EQ(classify(State{}, Waking{"B", "two", true, "B"}), E::resumed);
}

TEST(Classify, WhereThereIsNoWayBackATrialThatFailedIsMadeAgainInTheNextBoot) {
  Waking waking{"B", "two", false, "B"};
  EXPECT_EQ(classify(in(P::failed), waking), E::woke_trial);
  waking.alone = true;
  for (const Phase phase : {P::failed, P::cancelled, P::rolled_back}) EXPECT_EQ(classify(in(phase), waking), E::woke_alone);
  EXPECT_EQ(classify(in(P::on_trial), waking), E::woke_trial);
  EXPECT_EQ(classify(in(P::retreating), waking), E::woke_trial);
  waking.booted = "A";
  EXPECT_EQ(classify(in(P::failed), waking), E::woke_alone) << "an install to the other group may have failed since";
  waking.boot_id = "one";
  EXPECT_EQ(classify(in(P::failed), waking), E::resumed) << "once in each boot";
  waking = Waking{"B", "two", true, "B"};
  waking.alone = true;
  EXPECT_EQ(classify(in(P::failed), waking), E::woke_committed);
}

TEST(Step, ATrialThatIsMadeAgainIsNobodysDeployment) {
  State failed = in(P::failed);
  failed.deployment = 7;
  failed.error = 6002;
  failed.version = "2";
  failed.security_version = 4;
  State facts;
  facts.target = "B";
  const auto next = step(failed, Event{E::woke_alone, facts});
  ASSERT_TRUE(next);
  EXPECT_EQ(next->action, A::check_health);
  EXPECT_EQ(next->state.update, failed.update + 1);
  EXPECT_EQ(next->state.deployment, 0U);
  EXPECT_EQ(next->state.error, 0U);
  EXPECT_EQ(next->state.target, "B");
  EXPECT_EQ(next->state.version, "2");
  EXPECT_EQ(next->state.security_version, 4U) << "it is what the floor is raised to";
  facts.target = "A";
  EXPECT_EQ(step(failed, Event{E::woke_alone, facts})->state.security_version, 0U) << "nobody knows what A is";
}

}  // namespace
}  // namespace aloft::update
