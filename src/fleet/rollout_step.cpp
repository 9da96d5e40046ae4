#include "fleet/rollout_step.hpp"

#include <array>

namespace aloft::fleet {
namespace {

using A = RolloutAction;
using E = RolloutEvent;
using S = RolloutState;

struct RolloutTransition {
  RolloutState from;
  RolloutEvent event;
  RolloutState to;
  RolloutAction action;
};

// clang-format off
constexpr RolloutTransition kTransitions[] = {
    // from                   event                   to                     action
    {S::gathering,            E::gathered,            S::ready,              A::none},
    {S::gathering,            E::gathered_unapproved, S::awaiting_approval,  A::none},
    {S::gathering,            E::abort,               S::aborted,            A::none},

    {S::awaiting_approval,    E::approve,             S::ready,              A::none},
    {S::awaiting_approval,    E::deny,                S::denied,             A::none},
    {S::awaiting_approval,    E::abort,               S::aborted,            A::none},
    {S::ready,                E::start,               S::running,            A::open_wave},
    {S::ready,                E::abort,               S::aborted,            A::none},

    {S::running,              E::wave_ended,          S::soaking,            A::soak},
    {S::running,              E::all_ended,           S::open,               A::none},
    {S::running,              E::last_wave_ended,     S::finished,           A::none},
    {S::running,              E::raise,               S::running,            A::widen},
    {S::running,              E::gate_broken,         S::paused,             A::none},
    {S::running,              E::gate_broken_back,    S::rolled_back,        A::roll_back},
    {S::running,              E::pause,               S::paused,             A::none},
    {S::running,              E::roll_back,           S::rolled_back,        A::roll_back},
    {S::running,              E::abort,               S::aborted,            A::withdraw},

    // A soak is for trouble that comes late: gates hold, new devices wait
    {S::soaking,              E::soak_over,           S::running,            A::open_wave},
    {S::soaking,              E::raise,               S::running,            A::widen},
    {S::soaking,              E::gate_broken,         S::paused,             A::none},
    {S::soaking,              E::gate_broken_back,    S::rolled_back,        A::roll_back},
    {S::soaking,              E::pause,               S::paused,             A::none},
    {S::soaking,              E::roll_back,           S::rolled_back,        A::roll_back},
    {S::soaking,              E::abort,               S::aborted,            A::withdraw},

    {S::open,                 E::gate_broken,         S::paused,             A::none},
    {S::open,                 E::gate_broken_back,    S::rolled_back,        A::roll_back},
    {S::open,                 E::pause,               S::paused,             A::none},
    {S::open,                 E::roll_back,           S::rolled_back,        A::roll_back},
    {S::open,                 E::finish,              S::finished,           A::none},
    {S::open,                 E::abort,               S::aborted,            A::withdraw},

    // Who resumes has seen the trouble: it is not held against the rollout again
    {S::paused,               E::resume,              S::running,            A::forgive},
    {S::paused,               E::raise,               S::paused,             A::widen},
    {S::paused,               E::roll_back,           S::rolled_back,        A::roll_back},
    {S::paused,               E::finish,              S::finished,           A::none},
    {S::paused,               E::abort,               S::aborted,            A::withdraw},
};
// clang-format on

}  // namespace

std::optional<RolloutStep> step(RolloutState state, RolloutEvent event) {
  for (const RolloutTransition& transition : kTransitions)
    if (transition.from == state && transition.event == event) return RolloutStep{.to = transition.to, .action = transition.action};
  return std::nullopt;
}

std::string_view to_string(RolloutEvent event) {
  static constexpr std::array<std::string_view, 17> kNames{
      "gathered", "gathered",    "approve",     "deny",  "start",  "wave-ended", "last-wave-ended", "all-ended", "soak-over",
      "raise",    "gate-broken", "gate-broken", "pause", "resume", "roll-back",  "finish",          "abort"};
  return kNames[static_cast<std::size_t>(event)];
}

}  // namespace aloft::fleet
