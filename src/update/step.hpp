// The update as one pure table: step(state, event) -> state and what to do next. No files, sockets or clock; the whole truth about
// what may follow what is kTransitions in step.cpp, which a reviewer can check by eye.
#pragma once

#include <optional>
#include <string>

#include "update/state.hpp"

namespace aloft::update {

enum class EventKind : std::uint8_t {
  offer,     // somebody wants an update: source, deployment
  accept,    // policy allows it now: source, where it is another by now
  defer,     // not now: message, and error where it has a number
  cancel,    // not at all
  opened,    // the bundle is authentic, fits and is new enough: manifest, version, security version, origin, target
  prepared,  // the running group is committed, the target cannot be booted
  written,   // every image is on the target, flushed and read back
  armed,     // the target boots next, counted
  going,     // the reboot was asked for
  healthy,
  unhealthy,    // error and message say why
  kept,         // the boot loader has the running group as committed
  gave_up,      // the boot loader has the target as bad
  no_way_back,  // no other group could be booted instead
  failed,       // the action failed for good: error and message
  // Where a recovery system installs:
  elsewhere,  // as opened, but the target is what runs: the recovery system (via) has to do it
  stuck,      // the action failed, in the recovery system and with no other that is whole: error and message
  again,      // the pause after that is over
  // What the machine finds itself to be at start (see classify):
  resumed,         // the origin runs and the target was not tried
  woke_old,        // the target was to be booted, but another group runs
  woke_trial,      // the target runs and is not committed
  woke_committed,  // the target runs and is committed
  woke_recovery,   // the recovery system runs, as it was to, or has not yet gone home
  woke_alone,      // what runs is not committed, nor is any other, and its trial is over since an earlier boot: target
};
inline constexpr std::size_t kEventCount = 24;
std::string_view to_string(EventKind kind);

struct Event {
  EventKind kind;
  State facts;  // only the members that the kind names
};

// One thing to do on entering a state. All may be done twice: after a power cut they are.
enum class Action : std::uint8_t {
  none,
  rest,              // nothing more; the recovery system goes home by a restart, where the normal one is whole
  ask_policy,        // -> accept, defer, cancel
  open,              // -> opened, elsewhere, failed
  prepare_target,    // -> prepared, failed
  write_images,      // -> written, failed
  arm,               // -> armed, failed
  ready,             // -> going, once the machine may be rebooted
  reboot,            // -> (a new boot), failed
  check_health,      // -> healthy, unhealthy
  commit,            // -> kept, failed
  raise_floor,       // the update is over; then as rest
  abandon_target,    // -> gave_up, failed
  summon_recovery,   // -> armed, failed
  abandon_recovery,  // -> gave_up, failed
  wait_a_while,      // -> again
};
std::string_view to_string(Action action);

struct Step {
  State state;
  Action action;
};

// What follows, or nothing where the event does not belong to the state (it is refused, nothing changes).
std::optional<Step> step(const State& state, const Event& event);

// How a machine finds its update after a start. All names are groups.
struct Waking {
  std::string booted;
  std::string boot_id;
  bool booted_committed;     // as the boot loader has it
  std::string first;         // in the boot order
  bool trial_waits = false;  // the target has tries left, and only a restart with an argument begins one
  bool alone = false;        // there is no way back: no other group is committed, nor a recovery system
};
EventKind classify(const State& state, const Waking& waking);

}  // namespace aloft::update
