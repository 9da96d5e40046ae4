#include "agent/follower.hpp"

#include "agent/errors.hpp"
#include "base/log.hpp"
#include "update/errors.hpp"

namespace aloft::agent {

using update::Phase;
using update::State;

namespace {

// Nothing has been switched yet.
bool can_wait(Phase phase) {
  return phase == Phase::offered || phase == Phase::accepted || phase == Phase::downloading || phase == Phase::installing;
}

std::string named(std::uint64_t deployment) { return "deployment " + std::to_string(deployment); }

}  // namespace

void Follower::assign(std::optional<Wanted> wanted) {
  told_ = true;
  wanted_ = std::move(wanted);
  follow();
}

bool Follower::carried_out(std::uint64_t deployment) const {
  for (const State& past : seams_.updater.history())
    if (past.deployment == deployment && protocol::is_final(reported_state(past.phase))) return true;
  return false;
}

void Follower::follow() {
  if (!told_) return;
  const State state = seams_.updater.status().state;
  const bool busy = !update::is_at_rest(state.phase);
  if (busy && state.deployment != 0 && !is_wanted(state)) {
    log::info("the server has withdrawn " + named(state.deployment));
    return seams_.cancel();
  }
  if (!wanted_) return;
  if (is_wanted(state)) {
    note_conditions();
    hold(state);
  }
  if (pause(state)) return;
  if (busy || is_wanted(state) || carried_out(wanted_->deployment)) return;
  begin();
}

void Follower::begin() {
  const std::uint64_t number = wanted_->deployment;
  const auto objection = seams_.install_gate.objection(number, wanted_->policy);
  held_back_ = objection.has_value();
  if (objection) return seams_.tell(number, *objection);
  note_conditions();
  // Without this a restart would make it an update that may be installed.
  if (const auto held = seams_.hold_gate.set(number, wanted_->hold); !held) return seams_.tell(number, held.error());
  if (const auto noted = seams_.download_gate.note(number, wanted_->policy.download); !noted)
    log::warning("what " + named(number) + " may cost is forgotten at the next start: " + noted.error().text());
  const auto offered = seams_.updater.offer(wanted_->source, number);
  if (offered) return;
  if (const auto trouble = seams_.updater.status().trouble) return seams_.tell(number, *trouble);
  log::warning(named(number) + ": " + offered.error().text());
}

// What is deferred goes on by them, also after a restart without a word from the server.
void Follower::note_conditions() {
  const std::uint64_t number = wanted_->deployment;
  if (const auto noted = seams_.install_gate.note(number, wanted_->policy); !noted)
    log::warning("when " + named(number) + " may begin is forgotten at the next start: " + noted.error().text());
}

// Until it is armed. What is paused is not to be armed either, also after a restart without a word from the server.
void Follower::hold(const State& state) {
  const std::string& why = wanted_->hold.empty() ? wanted_->pause : wanted_->hold;
  if (const auto held = seams_.hold_gate.set(state.deployment, why); !held)
    log::warning("whether " + named(state.deployment) + " may be installed is not kept: " + held.error().text());
}

bool Follower::pause(const State& state) {
  if (wanted_->pause.empty()) return false;
  const Error why{kPaused, wanted_->pause};
  if (is_wanted(state)) {
    if (can_wait(state.phase)) seams_.updater.defer(why);
  } else if (update::is_at_rest(state.phase) && !carried_out(wanted_->deployment)) {
    seams_.tell(wanted_->deployment, why);
  }
  return true;
}

Result<> Follower::accept() {
  if (!wanted_ || !wanted_->policy.consent) return fail(kNothingToAccept, "no update waits for somebody to agree");
  TRY(seams_.install_gate.consent(wanted_->deployment));
  follow();
  return {};
}

// Of the cost: then something must have changed there, or somebody ask for it.
bool Follower::costs_changed(const State& deferred) {
  const DownloadLimits limits = seams_.download_gate.limits(deferred.deployment);
  if (waits_at_ != std::pair(deferred.update, deferred.sequence)) {
    waits_at_ = {deferred.update, deferred.sequence};
    limits_then_ = limits;
    asked_ = false;
  }
  return asked_ || limits != limits_then_ || newest_source(deferred) != deferred.source;
}

// Its window may have closed since it began, and its policy be another.
bool Follower::gate_opens(const State& deferred) {
  const auto objection = seams_.install_gate.objection(deferred.deployment);
  held_back_ = objection.has_value();
  if (objection && objection->code.number != deferred.error) seams_.tell(deferred.deployment, *objection);
  return !objection;
}

// What it waits for has a number where the server holds it, where the gate is closed, or where it would cost too much.
bool Follower::may_go_on(const State& deferred) {
  if (is_wanted(deferred) && !wanted_->pause.empty()) return false;
  switch (deferred.error) {
    case 0:
    case kOutsideWindow.number:
    case kNeedsConsent.number: break;
    case kHeld.number:
      if (seams_.hold_gate.objection(deferred.deployment)) return false;
      break;
    case update::kSlotRefuses.number:
      if (!seams_.updater.status().refused.empty() && !costs_changed(deferred)) return false;
      break;
    case kPaused.number:
      if (!is_wanted(deferred)) return false;
      break;
    default:
      if (!costs_changed(deferred)) return false;
  }
  return gate_opens(deferred);
}

void Follower::go_on(const State& deferred) {
  if (may_go_on(deferred)) seams_.updater.accept(newest_source(deferred));
}

}  // namespace aloft::agent
