// What a rollout does next: one table, without sockets, store or clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "fleet/rollout.hpp"

namespace aloft::fleet {

enum class RolloutEvent : std::uint8_t {
  gathered,             // all that belong into it are written down
  gathered_unapproved,  // and somebody has to approve it
  approve,
  deny,
  start,            // by a person, or its time has come
  wave_ended,       // well, and there is another
  last_wave_ended,  // well
  all_ended,        // well, and the rollout takes in new devices
  soak_over,
  raise,             // a person opens more of the target at once
  gate_broken,       // and the plan says pause
  gate_broken_back,  // and the plan says roll back
  pause,
  resume,
  roll_back,
  finish,  // no more devices join
  abort,
};
std::string_view to_string(RolloutEvent event);

enum class RolloutAction : std::uint8_t {
  none,
  open_wave,  // the next one
  widen,      // the present one
  soak,
  forgive,    // gates judge anew from now on
  withdraw,   // unfinished deployments
  roll_back,  // the same, and a rollout of the release before for those that have it
};

struct RolloutStep {
  RolloutState to;
  RolloutAction action;
};
// Nothing when the event makes no sense in this state.
std::optional<RolloutStep> step(RolloutState state, RolloutEvent event);

}  // namespace aloft::fleet
