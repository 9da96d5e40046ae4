// What a store keeps of rollouts: a part of the contract of store.hpp, with its rules.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fleet/done.hpp"
#include "fleet/fleet.hpp"
#include "fleet/rollout.hpp"
#include "fleet/rollout_run.hpp"

namespace aloft::fleet {

struct NewRollout {
  RolloutPlan plan;
  std::string created_by;
  std::uint64_t now_ms = 0;
};

// Who would get it, before anything happens. Each device that matches the filter is counted once.
struct RolloutPreview {
  std::uint64_t matching = 0;
  std::uint64_t members = 0;                                    // would be part of it
  std::uint64_t busy = 0;                                       // of these: wait for the end of another deployment first
  std::vector<std::pair<std::string, std::uint64_t>> left_out;  // reason and count
  std::vector<std::uint64_t> waves;                             // members that each wave adds
  std::vector<std::string> examples;                            // names of some members, those that come first
};

struct OfferRequest {
  std::uint64_t rollout = 0;
  OfferOrder order;
  std::uint64_t now_ms = 0;
};
struct OfferOutcome {
  std::vector<Deployment> made;
  struct Refused {
    std::uint64_t device;
    RolloutRun::Refusal why;
  };
  std::vector<Refused> refused;
};

struct MoveOutcome {
  std::optional<Rollout> successor;  // by roll_back, as add_rollout leaves one
};

// A device that belongs into a rollout and is not in it.
struct Candidate {
  std::uint64_t device = 0;
  std::uint64_t sample = 0;
};

// So many at a time: what concerns many devices is written in pieces, each a transaction of its own, so that reports need not wait for the
// whole. What is left of it after a crash can be asked for again.
inline constexpr std::size_t kMembersAtOnce = 1000;
inline constexpr std::size_t kDeploymentsAtOnce = 500;

struct Membership {
  Rollout rollout;  // without its counts
  Member member;
};

class RolloutStore {
 public:
  virtual ~RolloutStore() = default;
  // Newest first, with counts. active: those that are not final.
  virtual Result<std::vector<Rollout>> rollouts(std::optional<bool> active, std::uint64_t before, std::size_t limit) = 0;
  virtual Result<Rollout> rollout(std::uint64_t id) = 0;                        // kRolloutUnknown
  virtual Result<RolloutPreview> preview_rollout(const RolloutPlan& plan) = 0;  // kReleaseUnknown
  // A rollout in the state `gathering`, without members. Errors: kReleaseUnknown, kRolloutPlan (the release to go back to is of another
  // product, or the same), kTooMany.
  virtual void add_rollout(NewRollout rollout, Done<Rollout> done) = 0;
  // Those that match the filter now and can take the release, or have committed what this one takes back and still run it; in the store's
  // order. May take long. kRolloutUnknown.
  virtual Result<std::vector<Candidate>> candidates(std::uint64_t rollout) = 0;
  // Makes members of these, at most kMembersAtOnce, unless they are or the device has gone; the new ones. Errors: kRolloutUnknown,
  // kRolloutState (it has ended).
  virtual void add_members(std::uint64_t rollout, std::vector<Candidate> those, std::uint64_t now_ms, Done<std::vector<Member>> done) = 0;

  // Writes the state that the order says. What it withdraws is withdrawn by withdraw_some.
  virtual void move_rollout(MoveOrder order, Done<MoveOutcome> done) = 0;
  // Makes deployments for those that can take one. Errors never concern single devices.
  virtual void offer(OfferRequest request, Done<OfferOutcome> done) = 0;
  // Withdraws the deployment if it has not ended, and notes the device as silent. The withdrawn deployment; none: it had ended.
  virtual void end_silent(std::uint64_t rollout, SilenceOrder order, std::uint64_t now_ms, Done<std::optional<Deployment>> done) = 0;
  // Nothing when the device is gone or in it already.
  virtual void join_rollout(std::uint64_t rollout, Member member, Done<std::optional<Member>> done) = 0;
  // Takes one device out: withdraws its deployment, or keeps it from getting one. Errors: kMemberUnknown, kRolloutState (it has ended).
  struct CancelledMember {
    std::uint64_t device = 0;
    std::optional<Deployment> deployment;
  };
  virtual void cancel_member(std::uint64_t rollout, std::string device, std::string by, std::uint64_t now_ms,
                             Done<CancelledMember> done) = 0;

  // What it offers is no longer download only; what its devices have already is let go of by let_go_of_some. Errors: kRolloutUnknown,
  // kRolloutState (it has ended), kNotHeld.
  virtual void release_rollout(std::uint64_t rollout, std::string by, std::uint64_t now_ms, Done<> done) = 0;

  // Rollouts of which something is left to do: to withdraw of those that were aborted or rolled back, to let go of those that were released
  // and have not ended. May take long.
  struct Leftovers {
    std::vector<std::uint64_t> to_withdraw;
    std::vector<std::uint64_t> to_let_go;
  };
  virtual Result<Leftovers> leftovers() = 0;
  // Unfinished deployments of a rollout, or those that are download only. May take long.
  enum class Which : std::uint8_t { all, held };
  virtual Result<std::vector<std::uint64_t>> under_way(std::uint64_t rollout, Which which) = 0;
  // Whether a device of a rollout that has ended may still commit its release: its deployment has not ended, or was withdrawn and the
  // device itself has not told how it ended. Once false, it stays so. May take long.
  virtual Result<bool> may_still_commit(std::uint64_t rollout) = 0;
  // Of these, at most kDeploymentsAtOnce, those that have not ended: as they are now. Nothing happens to others, nor twice.
  virtual void withdraw_some(std::uint64_t rollout, std::vector<std::uint64_t> deployments, std::uint64_t now_ms,
                             Done<std::vector<Deployment>> done) = 0;
  virtual void let_go_of_some(std::uint64_t rollout, std::vector<std::uint64_t> deployments, std::uint64_t now_ms,
                              Done<std::vector<Deployment>> done) = 0;

  // By name, behind `after`. All of them, without names, for a run.
  virtual Result<std::vector<Member>> members(std::uint64_t rollout, std::optional<MemberState> state, const std::string& after,
                                              std::size_t limit) = 0;
  virtual Result<std::vector<Member>> all_members(std::uint64_t rollout) = 0;
  virtual Result<std::vector<Membership>> memberships(const std::string& device) = 0;  // newest rollout first
  // Error numbers and how often devices of the rollout ended with them, most often first.
  virtual Result<std::vector<std::pair<std::uint64_t, std::uint64_t>>> rollout_errors(std::uint64_t rollout) = 0;
  virtual Result<std::vector<RolloutEventRow>> rollout_events(std::uint64_t rollout) = 0;  // oldest first
};

}  // namespace aloft::fleet
