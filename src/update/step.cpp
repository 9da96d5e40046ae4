#include "update/step.hpp"

#include <array>

#include "update/errors.hpp"

namespace aloft::update {
namespace {

using A = Action;
using E = EventKind;
using P = Phase;

struct Transition {
  Phase from;
  EventKind event;
  Phase to;
  Action action;
};

// clang-format off
constexpr Transition kTransitions[] = {
    // from            event              to               action on entering
    // An offer, and what policy makes of it
    {P::idle,          E::offer,          P::offered,      A::ask_policy},
    {P::committed,     E::offer,          P::offered,      A::ask_policy},
    {P::rolled_back,   E::offer,          P::offered,      A::ask_policy},
    {P::failed,        E::offer,          P::offered,      A::ask_policy},
    {P::cancelled,     E::offer,          P::offered,      A::ask_policy},
    {P::deferred,      E::offer,          P::offered,      A::ask_policy},
    {P::offered,       E::accept,         P::accepted,     A::open},
    {P::offered,       E::defer,          P::deferred,     A::rest},
    {P::offered,       E::cancel,         P::cancelled,    A::rest},
    {P::deferred,      E::accept,         P::accepted,     A::open},
    {P::deferred,      E::cancel,         P::cancelled,    A::rest},

    // Installing; nothing is written before the target is out of the boot order
    {P::accepted,      E::opened,         P::downloading,  A::prepare_target},
    {P::accepted,      E::failed,         P::failed,       A::rest},
    {P::accepted,      E::defer,          P::deferred,     A::rest},
    {P::accepted,      E::cancel,         P::cancelled,    A::rest},
    {P::downloading,   E::prepared,       P::installing,   A::write_images},
    {P::downloading,   E::failed,         P::failed,       A::rest},
    {P::downloading,   E::defer,          P::deferred,     A::rest},
    {P::downloading,   E::cancel,         P::cancelled,    A::rest},
    {P::installing,    E::written,        P::verified,     A::arm},
    {P::installing,    E::failed,         P::failed,       A::rest},
    {P::installing,    E::defer,          P::deferred,     A::rest},
    {P::installing,    E::cancel,         P::cancelled,    A::rest},

    // The switch
    {P::verified,      E::armed,          P::armed,        A::ready},
    {P::verified,      E::failed,         P::returned,     A::abandon_target},
    {P::armed,         E::going,          P::rebooting,    A::reboot},

    // The trial
    {P::on_trial,      E::healthy,        P::on_trial,     A::commit},
    {P::on_trial,      E::kept,           P::committed,    A::raise_floor},
    {P::on_trial,      E::failed,         P::retreating,   A::abandon_target},
    {P::on_trial,      E::unhealthy,      P::retreating,   A::abandon_target},
    {P::retreating,    E::gave_up,        P::retreating,   A::reboot},
    {P::retreating,    E::failed,         P::retreating,   A::reboot},
    {P::retreating,    E::no_way_back,    P::failed,       A::rest},
    {P::returned,      E::gave_up,        P::rolled_back,  A::rest},
    {P::returned,      E::failed,         P::rolled_back,  A::rest},
    {P::returned,      E::no_way_back,    P::rolled_back,  A::rest},

    // A recovery system has to install: it is armed for the next boot, and the machine restarts into it. There it goes on from accepted
    {P::accepted,      E::elsewhere,      P::summoning,    A::summon_recovery},
    {P::summoning,     E::armed,          P::crossing,     A::reboot},
    {P::summoning,     E::failed,         P::failed,       A::rest},
    {P::summoning,     E::woke_recovery,  P::accepted,     A::open},
    {P::crossing,      E::woke_recovery,  P::accepted,     A::open},
    {P::unanswered,    E::woke_recovery,  P::accepted,     A::open},
    {P::summoning,     E::woke_old,       P::unanswered,   A::abandon_recovery}, // it did not come up
    {P::crossing,      E::woke_old,       P::unanswered,   A::abandon_recovery},
    {P::unanswered,    E::gave_up,        P::failed,       A::rest},
    {P::unanswered,    E::failed,         P::failed,       A::rest},
    {P::unanswered,    E::no_way_back,    P::failed,       A::rest},
    {P::summoning,     E::resumed,        P::summoning,    A::summon_recovery},
    {P::crossing,      E::resumed,        P::crossing,     A::reboot},
    {P::unanswered,    E::resumed,        P::unanswered,   A::abandon_recovery},

    // In the recovery system, with a normal one that is no longer whole: round after round
    {P::accepted,      E::stuck,          P::stranded,     A::wait_a_while},
    {P::downloading,   E::stuck,          P::stranded,     A::wait_a_while},
    {P::installing,    E::stuck,          P::stranded,     A::wait_a_while},
    {P::verified,      E::stuck,          P::stranded,     A::wait_a_while},
    {P::stranded,      E::again,          P::accepted,     A::open},
    {P::stranded,      E::offer,          P::offered,      A::ask_policy},
    {P::stranded,      E::cancel,         P::cancelled,    A::rest},
    {P::stranded,      E::resumed,        P::accepted,     A::open},
    {P::stranded,      E::woke_trial,     P::retreating,   A::abandon_target},
    {P::stranded,      E::woke_committed, P::failed,       A::rest},             // somebody has mended it

    // After a start: the recovery system runs, and has not yet gone home
    {P::failed,        E::woke_recovery,  P::failed,       A::rest},
    {P::cancelled,     E::woke_recovery,  P::cancelled,    A::rest},
    {P::deferred,      E::woke_recovery,  P::deferred,     A::rest},

    // After a start: the origin runs and the target was not tried
    {P::offered,       E::resumed,        P::offered,      A::ask_policy},
    {P::deferred,      E::resumed,        P::offered,      A::ask_policy},
    {P::accepted,      E::resumed,        P::accepted,     A::open},
    {P::downloading,   E::resumed,        P::accepted,     A::open},
    {P::installing,    E::resumed,        P::accepted,     A::open},
    {P::verified,      E::resumed,        P::verified,     A::arm},
    {P::armed,         E::resumed,        P::armed,        A::ready},
    {P::rebooting,     E::resumed,        P::rebooting,    A::reboot},
    {P::on_trial,      E::resumed,        P::rebooting,    A::reboot},           // the trial was cut short, and may be made again
    {P::committed,     E::resumed,        P::committed,    A::raise_floor},

    // After a start: the target was tried or passed over, and another group runs
    {P::verified,      E::woke_old,       P::returned,     A::abandon_target},
    {P::armed,         E::woke_old,       P::returned,     A::abandon_target},
    {P::rebooting,     E::woke_old,       P::returned,     A::abandon_target},
    {P::on_trial,      E::woke_old,       P::returned,     A::abandon_target},
    {P::retreating,    E::woke_old,       P::returned,     A::abandon_target},
    {P::returned,      E::woke_old,       P::returned,     A::abandon_target},

    // After a start: the target runs, not committed
    {P::verified,      E::woke_trial,     P::on_trial,     A::check_health},
    {P::armed,         E::woke_trial,     P::on_trial,     A::check_health},
    {P::rebooting,     E::woke_trial,     P::on_trial,     A::check_health},
    {P::on_trial,      E::woke_trial,     P::on_trial,     A::check_health},
    {P::idle,          E::woke_trial,     P::on_trial,     A::check_health},     // the journal was lost
    {P::committed,     E::woke_trial,     P::on_trial,     A::check_health},     // the boot state was lost
    {P::retreating,    E::woke_trial,     P::retreating,   A::abandon_target},
    {P::returned,      E::woke_trial,     P::retreating,   A::abandon_target},
    {P::rolled_back,   E::woke_trial,     P::retreating,   A::abandon_target},
    {P::failed,        E::woke_trial,     P::retreating,   A::abandon_target},
    {P::cancelled,     E::woke_trial,     P::retreating,   A::abandon_target},
    {P::deferred,      E::woke_trial,     P::retreating,   A::abandon_target},
    {P::offered,       E::woke_trial,     P::offered,      A::ask_policy},       // prepare_target will refuse
    {P::accepted,      E::woke_trial,     P::retreating,   A::abandon_target},
    {P::downloading,   E::woke_trial,     P::retreating,   A::abandon_target},
    {P::installing,    E::woke_trial,     P::retreating,   A::abandon_target},

    // After a start: there is no way back from what runs, whose trial failed in an earlier boot. It is judged anew, once in each boot
    {P::rolled_back,   E::woke_alone,     P::on_trial,     A::check_health},
    {P::failed,        E::woke_alone,     P::on_trial,     A::check_health},
    {P::cancelled,     E::woke_alone,     P::on_trial,     A::check_health},

    // After a start: the target runs, committed
    {P::verified,      E::woke_committed, P::committed,    A::raise_floor},
    {P::armed,         E::woke_committed, P::committed,    A::raise_floor},
    {P::rebooting,     E::woke_committed, P::committed,    A::raise_floor},
    {P::on_trial,      E::woke_committed, P::committed,    A::raise_floor},
    {P::committed,     E::woke_committed, P::committed,    A::raise_floor},
    {P::retreating,    E::woke_committed, P::committed,    A::raise_floor},
    {P::returned,      E::woke_committed, P::committed,    A::raise_floor},
    {P::offered,       E::woke_committed, P::offered,      A::ask_policy},
    {P::deferred,      E::woke_committed, P::offered,      A::ask_policy},
    {P::accepted,      E::woke_committed, P::accepted,     A::open},             // not touched yet: another target is chosen
    {P::downloading,   E::woke_committed, P::accepted,     A::open},             // likewise
    {P::installing,    E::woke_committed, P::retreating,   A::abandon_target},
};
// clang-format on

constexpr std::array<std::string_view, kEventCount> kEventNames = {
    "offer", "accept",  "defer",     "cancel",   "opened",     "prepared",       "written",       "armed",
    "going", "healthy", "unhealthy", "kept",     "gave_up",    "no_way_back",    "failed",        "elsewhere",
    "stuck", "again",   "resumed",   "woke_old", "woke_trial", "woke_committed", "woke_recovery", "woke_alone",
};
constexpr std::array<std::string_view, 16> kActionNames = {
    "none",         "rest",   "ask_policy",  "open",           "prepare_target",  "write_images",     "arm",          "ready", "reboot",
    "check_health", "commit", "raise_floor", "abandon_target", "summon_recovery", "abandon_recovery", "wait_a_while",
};

State begun(const State& before, const State& facts) {
  State state;
  state.update = before.update + 1;
  state.source = facts.source;
  state.deployment = facts.deployment;
  return state;
}

// An update of its own, and nobody's deployment: what was told of the one before stands.
State judged_anew(const State& before, const State& facts) {
  State state = begun(before, {});
  state.target = facts.target;
  if (before.target != facts.target) return state;
  state.manifest_sha256 = before.manifest_sha256;
  state.version = before.version;
  state.security_version = before.security_version;
  return state;
}

void take_manifest(State& state, const State& facts) {
  if (state.manifest_sha256 != facts.manifest_sha256 || state.target != facts.target) state.mark = {};
  state.manifest_sha256 = facts.manifest_sha256;
  state.version = facts.version;
  state.security_version = facts.security_version;
  state.origin = facts.origin;
  state.target = facts.target;
  state.via = facts.via;
}

// The first reason is the one that counts: what follows from it does not replace it.
void take_reason(State& state, const State& facts) {
  if (state.error != 0) return;
  state.error = facts.error;
  state.error_name = facts.error_name;
  state.message = facts.message;
}

// Of the round before: the next one may succeed.
void forget_reason(State& state) {
  state.error = 0;
  state.error_name.clear();
  state.message.clear();
}

void take_facts(State& state, const Event& event) {
  switch (event.kind) {
    case E::opened:
    case E::elsewhere: take_manifest(state, event.facts); break;
    case E::defer:
      state.error = event.facts.error;
      state.error_name = event.facts.error_name;
      state.message = event.facts.message;
      break;
    case E::accept:
      forget_reason(state);
      if (!event.facts.source.empty()) state.source = event.facts.source;
      break;
    case E::failed:
    case E::unhealthy:
    case E::no_way_back:
    case E::stuck:
    case E::woke_old: take_reason(state, event.facts); break;
    case E::woke_trial:
      if (state.phase == P::retreating) take_reason(state, event.facts);
      if (state.target.empty()) {
        state.origin = event.facts.origin;
        state.target = event.facts.target;
        state.via = event.facts.via;
      }
      break;
    default: break;
  }
}

}  // namespace

std::string_view to_string(EventKind kind) { return kEventNames.at(static_cast<std::size_t>(kind)); }
std::string_view to_string(Action action) { return kActionNames.at(static_cast<std::size_t>(action)); }

std::optional<Step> step(const State& state, const Event& event) {
  for (const Transition& row : kTransitions) {
    if (row.from != state.phase || row.event != event.kind) continue;
    State next = state;
    if (event.kind == E::offer) next = begun(state, event.facts);
    if (event.kind == E::woke_alone) next = judged_anew(state, event.facts);
    next.phase = row.to;
    if (next.phase != state.phase) ++next.sequence;
    if (state.phase == P::stranded && next.phase == P::accepted) forget_reason(next);
    take_facts(next, event);
    return Step{std::move(next), row.action};
  }
  return std::nullopt;
}

namespace {

// On the way to the recovery system, and at rest after it has installed; nothing where the usual rules hold.
std::optional<EventKind> classify_detour(const State& state, const Waking& waking) {
  if (state.via.empty()) return std::nullopt;
  const bool same_boot = state.boot_id == waking.boot_id;
  const bool in_recovery = waking.booted == state.via;
  switch (state.phase) {
    case P::summoning:
      if (in_recovery) return E::woke_recovery;
      return !same_boot && waking.first == state.via ? E::woke_old : E::resumed;
    case P::crossing:
      if (in_recovery) return E::woke_recovery;
      return same_boot ? E::resumed : E::woke_old;
    case P::unanswered: return in_recovery ? E::woke_recovery : E::resumed;
    case P::failed:
    case P::cancelled:
    case P::deferred:
      // Gone home, it would be the second in the order: then the boot loader has chosen it, and it stays.
      if (in_recovery && state.target != state.via && waking.first == state.via) return E::woke_recovery;
      return std::nullopt;
    default: return std::nullopt;
  }
}

}  // namespace

EventKind classify(const State& state, const Waking& waking) {
  if (const auto detour = classify_detour(state, waking)) return *detour;
  const bool same_boot = state.boot_id == waking.boot_id;
  const bool over = state.phase == P::rolled_back || state.phase == P::failed || state.phase == P::cancelled;
  if (waking.alone && over && !same_boot && !waking.booted_committed) return E::woke_alone;
  if (state.target.empty() || waking.booted == state.target) {
    if (!waking.booted_committed) return E::woke_trial;
    return state.target.empty() ? E::resumed : E::woke_committed;
  }
  switch (state.phase) {
    case P::verified: return !same_boot && waking.first == state.target && !waking.trial_waits ? E::woke_old : E::resumed;
    case P::armed:
    case P::rebooting: return same_boot || waking.trial_waits ? E::resumed : E::woke_old;
    case P::on_trial: return waking.trial_waits ? E::resumed : E::woke_old;
    case P::retreating:
    case P::returned: return E::woke_old;
    default: return E::resumed;
  }
}

}  // namespace aloft::update
