// Where an update stands: everything that the agent must still know after a power cut. Plain data; the journal keeps it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/result.hpp"

namespace aloft::update {

// The order is that of a good update; then what else may happen. docs/update-states.md tells each in a sentence.
enum class Phase : std::uint8_t {
  idle,  // nothing was ever offered
  offered,
  accepted,
  downloading,  // the manifest is known, the slots fit; the target is being taken out of the boot order
  installing,
  verified,  // flushed and read back
  armed,
  rebooting,
  on_trial,
  committed,
  retreating,  // the new system gives up on itself and reboots
  returned,    // the old system runs again; the target has still to be taken out of the boot order
  rolled_back,
  failed,
  deferred,
  cancelled,
  // Where a recovery system installs (asymmetric layout):
  summoning,   // the recovery system is being armed for the next boot
  crossing,    // the machine restarts into it
  unanswered,  // it did not come up; it has still to be taken out of the boot order
  stranded,    // it runs, the normal system is not whole, and the last round failed: there will be another
};
inline constexpr std::size_t kPhaseCount = 20;
std::string_view to_string(Phase phase);
// True for idle and for those that nothing follows but a new offer.
bool is_at_rest(Phase phase);

// How far an install certainly came: a hint for where to expect right frames, never a promise.
struct Mark {
  std::uint64_t image = 0;
  std::uint64_t frames = 0;
};

struct State {
  Phase phase = Phase::idle;
  std::uint64_t update = 0;      // counts the updates of this device, from 1
  std::uint64_t sequence = 0;    // of the transition within the update, from 1
  std::uint64_t deployment = 0;  // the server's; 0: a local install
  std::uint64_t time_ms = 0;     // device's clock at the transition, since 1970
  std::string source;            // where the bundle comes from
  std::string manifest_sha256;   // hex, once it is open
  std::string version;
  std::uint64_t security_version = 0;
  std::string origin;   // the group that ran when the update was opened
  std::string target;   // the group that gets it
  std::string via;      // the recovery system's group, where it installs or is the target; else empty
  std::string boot_id;  // the kernel's, of the boot in which this was recorded
  std::uint64_t error = 0;
  std::string error_name;
  std::string message;  // why it failed, was rolled back, deferred
  Mark mark;
};

Json to_json(const State& state);
Result<State> state_from_json(const Json& json);  // strict; kBadJson

}  // namespace aloft::update
