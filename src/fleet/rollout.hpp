// A release on its way to many devices, in waves. Plain values; the rules are in rollout_step.hpp and rollout_run.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "fleet/health.hpp"
#include "protocol/messages.hpp"

namespace aloft::fleet {

// What people decide before it begins.
struct RolloutPlan {
  struct Wave {
    std::optional<std::uint64_t> permille;  // of the target, counted from the first wave on; one of the two is given
    std::optional<std::uint64_t> count;     // devices, counted from the first wave on
    std::uint64_t soak_s = 0;               // between its end and the next wave
  };
  enum class Failure : std::uint8_t { any, failed, rolled_back, silent };
  // Broken when more than max_permille of the devices that have ended ended this way; in the wave or in the whole rollout, once there are
  // min_sample of them. At the end of a wave smaller than min_sample all of the wave are enough.
  struct Gate {
    Failure failure = Failure::any;
    std::uint64_t max_permille = 0;
    std::uint64_t min_sample = 1;
  };
  enum class OnBroken : std::uint8_t { pause, roll_back };
  enum class Start : std::uint8_t { by_hand, at_time };

  std::string name;
  std::string description;
  std::uint64_t release = 0;
  std::string filter;
  std::vector<Wave> waves;  // at least one; the last is the whole target
  std::vector<Gate> gates;
  std::vector<HealthGate> health_gates;
  std::uint64_t success_permille = 0;  // of a wave's devices, committed: the soak begins although others are still at it. 0: all must end
  OnBroken on_broken = OnBroken::pause;
  std::optional<std::uint64_t> rollback_release;
  std::uint64_t rate_per_minute = 0;  // 0: no limit
  struct Growth {
    std::uint64_t factor_percent = 100;  // of the rate, in each interval; 100 to 1000
    std::uint64_t interval_s = 60;
  };
  std::optional<Growth> rate_growth;  // none: the rate stays
  std::uint64_t deadline_s = 86'400;  // a device that is not heard of for so long has failed, silently
  std::uint64_t retries = 0;          // after failed and rolled-back
  bool adopt = false;                 // devices that come to match later join
  bool needs_approval = false;        // of somebody else than who made it
  Start start = Start::by_hand;
  std::uint64_t start_at_ms = 0;
  protocol::InstallPolicy policy;  // what the device keeps to
};
Json to_json(const RolloutPlan& plan);
// Errors: kBadJson, kRolloutPlan, those of Filter::parse and check_steady.
Result<RolloutPlan> rollout_plan_of(const Json& json);

enum class RolloutState : std::uint8_t {
  awaiting_approval,
  ready,        // waits for its start
  running,      // offers to the devices of its wave
  soaking,      // the wave has ended well; the next waits
  open,         // all waves are done; devices that come to match still join
  paused,       // offers nothing; what is under way goes on
  finished,     // final, as are those below
  aborted,      // what was under way was withdrawn
  denied,       // not approved
  rolled_back,  // followed by a rollout of the release before
  gathering,    // the first of all: its devices are being written down, in pieces
};
std::string_view to_string(RolloutState state);
bool is_final(RolloutState state);

enum class MemberState : std::uint8_t {
  waiting,    // for its wave, the rate, or the end of another deployment
  offered,    // has a deployment that has not ended
  committed,  // ended, as are those below
  failed,
  rolled_back,
  silent,
  cancelled,  // by a person, on this device
  skipped,    // does not need or take it any more; see the reason
};
inline constexpr std::size_t kMemberStates = 8;
std::string_view to_string(MemberState state);
Result<MemberState> member_state_of(std::string_view name);
bool is_failure(MemberState state);  // failed, rolled_back, silent
MemberState member_state_of(protocol::UpdateState state);

using MemberCounts = std::array<std::uint64_t, kMemberStates>;

// A device's place in the order of a rollout: the same for every rollout of the same release, evenly spread over 32 bits.
std::uint64_t sample_of(std::string_view seed, std::string_view device);
// The same for many devices.
class Sampler {
 public:
  explicit Sampler(std::string_view seed);
  std::uint64_t of(std::string_view device) const;

 private:
  std::uint64_t seeded_;
};
// Offers a minute, by now: the rate grows from the start on, and anew from the last time that somebody resumed. At most kMaxRatePerMinute.
struct Rollout;
double rate_per_minute(const Rollout& rollout, std::uint64_t now_ms);
inline constexpr std::uint64_t kMaxRatePerMinute = 1'000'000;

inline constexpr std::uint64_t kWholeTarget = 1ULL << 32;  // above every sample

struct Rollout {
  std::uint64_t id = 0;
  RolloutPlan plan;
  std::string version;  // of the release
  RolloutState state = RolloutState::ready;
  std::string reason;       // why it is in this state, if that needs words
  std::uint64_t wave = 0;   // 1 is the first; 0: none has begun
  std::uint64_t reach = 0;  // devices whose sample is below have their turn
  std::uint64_t soak_until_ms = 0;
  std::uint64_t judged_after_ms = 0;       // gates count devices that ended later
  std::optional<std::uint64_t> parent;     // the rollout that this one takes back
  std::optional<std::uint64_t> successor;  // the one that takes this back
  std::uint64_t created_ms = 0;
  std::string created_by;
  std::string approved_by;
  std::uint64_t started_ms = 0;
  std::uint64_t changed_ms = 0;
  MemberCounts counts{};
};

struct Member {
  std::uint64_t device = 0;  // the store's id
  std::string name;          // where a person asked
  std::uint64_t sample = 0;
  MemberState state = MemberState::waiting;
  std::uint64_t wave = 0;  // 0: its wave has not come
  std::uint64_t attempts = 0;
  std::uint64_t deployment = 0;  // the last; 0: none
  std::string reason;
  std::uint64_t changed_ms = 0;
  bool waits = false;  // its deployment is deferred, as all_members() tells
};

struct RolloutEventRow {
  std::uint64_t id = 0;
  std::uint64_t time_ms = 0;
  std::string event;
  std::string by;  // empty: the server
  std::string detail;
};

}  // namespace aloft::fleet
