// A rollout at work, in memory: which devices have their turn, which gates hold, what comes next. Pure: it is told what has happened and
// when, and answers with orders; whoever carries them out tells it the outcome. It says nothing twice that it has not heard the end of.
// What it knows can be made again from the store at any moment, so that a restart loses nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "fleet/rollout.hpp"
#include "fleet/rollout_step.hpp"

namespace aloft::fleet {

inline constexpr std::size_t kMaxOffersAtOnce = 1000;
// After a restart each device has at least this part of its deadline, whatever passed while the server was down.
inline constexpr std::uint64_t kDeadlineAfterRestartPermille = 500;

// Orders to whoever keeps the fleet.
struct OfferOrder {  // make deployments for these; answer with offered() or refused() for each, or with not_carried_out()
  struct Device {
    std::uint64_t device;
    std::uint64_t attempt;
  };
  std::vector<Device> devices;
};
struct SilenceOrder {  // withdraw the deployment of a device that is not heard of; answer with silenced()
  std::uint64_t device;
  std::uint64_t deployment;
};
struct MoveOrder {  // write down the rollout's new state and do the action; answer with moved()
  Rollout rollout;  // as it will be
  RolloutEvent event;
  RolloutAction action;
  std::string by;  // empty: by itself
};
using Order = std::variant<OfferOrder, SilenceOrder, MoveOrder>;

class RolloutRun {
 public:
  // members: all of the rollout's, as the store has them.
  RolloutRun(Rollout rollout, const std::vector<Member>& members, std::uint64_t now_ms);

  const Rollout& rollout() const { return rollout_; }  // with its counts
  // What to do now: offers within the rate, silent devices, gates, waves. last_seen: when a device was seen last; asked for those that
  // told that they wait (for their window, or a person).
  using LastSeen = std::function<std::uint64_t(std::uint64_t device)>;
  std::vector<Order> tick(std::uint64_t now_ms, const LastSeen& last_seen);
  // What a person wants. Errors: kRolloutState. to_permille is for raise.
  Result<std::vector<Order>> command(RolloutEvent event, const std::string& by, std::uint64_t now_ms, std::uint64_t to_permille = 0);

  // Outcomes of orders.
  void offered(std::uint64_t device, std::uint64_t deployment, std::uint64_t now_ms);
  enum class Refusal : std::uint8_t { busy, skipped, gone };
  void refused(std::uint64_t device, Refusal why, std::uint64_t now_ms);
  void not_carried_out(const OfferOrder& order, std::uint64_t now_ms);  // the store could not be written: again later
  void released() { rollout_.plan.policy.download_only = false; }       // by release_rollout of the store
  void silenced(std::uint64_t device, std::uint64_t now_ms);
  void not_silenced(std::uint64_t device, std::uint64_t now_ms);  // could not be written: again later
  void moved(const MoveOrder& order);
  void not_moved(std::uint64_t now_ms);

  // Events of the fleet.
  enum class Leg : std::uint8_t { target, stone };  // stone: of a release that has to be passed through; the target is offered after it
  void reported(std::uint64_t device, std::uint64_t deployment, Leg leg, protocol::UpdateState state, std::uint64_t now_ms);
  // How the members do that committed after judged_after_ms of rollout() as it was when that was asked for; what gates it breaks shows at
  // the next tick.
  void observed(ReleaseHealth health, std::uint64_t judged_after_ms);
  // Whether it is worth finding out: a health gate is there to be judged.
  bool wants_health() const;
  // Of a rollout that takes another back: all of its devices have ended, but others may still commit what it takes back, and join. It waits
  // for them until nobody_else_comes(), and for its deadline at most.
  bool waits_for_others() const { return rollout_.parent && !complete_ && rollout_.state == RolloutState::running && all_have_ended(); }
  void nobody_else_comes() { complete_ = true; }
  void expect(std::size_t members);  // so many more will join: memory for all of them at once
  void joined(const Member& member);
  void gone(std::uint64_t device);   // deleted; what orders about it come to is not heard any more
  void freed(std::uint64_t device);  // its other deployment has ended
  bool has(std::uint64_t device) const { return index_.contains(device); }
  // A device that a person took out: its member state is cancelled in the store.
  void cancelled(std::uint64_t device, std::uint64_t now_ms);

 private:
  enum class Flight : std::uint8_t { none, offering, silencing };
  struct Entry {
    std::uint64_t device = 0;
    std::uint64_t sample = 0;
    std::uint64_t deployment = 0;
    std::uint64_t heard_ms = 0;
    std::uint64_t ended_ms = 0;
    std::uint32_t wave = 0;
    std::uint32_t attempts = 0;
    MemberState state = MemberState::waiting;
    Flight flight = Flight::none;
    bool busy = false;   // waits for the end of another deployment
    bool waits = false;  // told that it waits: quiet is no wonder
    bool removed = false;
  };
  struct Tally {  // of devices that ended since judged_after_ms
    std::uint64_t ended = 0;
    std::uint64_t failed = 0;
    std::uint64_t rolled_back = 0;
    std::uint64_t silent = 0;
    std::uint64_t of(RolloutPlan::Failure failure) const;
  };

  // At least half of a deadline that runs since time_ms is left.
  std::uint64_t begin_of_deadline(std::uint64_t time_ms, std::uint64_t now_ms) const;
  void insert(const Member& member, std::uint64_t now_ms);
  void set_state(Entry& entry, MemberState state, std::uint64_t now_ms);
  void forget_place(std::uint32_t at);  // takes it out of waiting_ and offered_
  void find_place(std::uint32_t at);
  void tally(const Entry& entry, std::int64_t by);
  void recount();
  bool counts_as_ended(const Entry& entry) const;
  Entry* entry_of(std::uint64_t device);
  std::uint32_t at(const Entry& entry) const { return static_cast<std::uint32_t>(&entry - entries_.data()); }

  void add_offers(std::uint64_t now_ms, std::vector<Order>& orders);
  bool somebody_waits() const { return !waiting_.empty() && waiting_.begin()->first < rollout_.reach; }
  std::optional<std::uint32_t> next_in_store(std::size_t& looks);
  void add_silences(std::uint64_t now_ms, const LastSeen& last_seen, std::vector<Order>& orders);
  std::optional<std::string> broken_gate() const;
  std::optional<std::string> broken_in(const Tally& tally, bool complete, const std::string& where) const;
  bool wave_has_ended() const;  // devices whose other deployment has not ended hold up no wave,
  bool all_have_ended() const;  // but the end of the rollout, after which they would never get it
  bool wave_has_enough() const;
  std::uint64_t judged_in_wave() const { return in_wave_ - forgiven_in_wave_; }  // by success_permille
  std::uint64_t reach_of(std::uint64_t wave) const;
  std::uint64_t reach_of_permille(std::uint64_t permille) const;
  MoveOrder move(const RolloutStep& step, RolloutEvent event, const std::string& by, std::string reason, std::uint64_t now_ms);
  std::optional<MoveOrder> next_move(std::uint64_t now_ms);
  bool others_may_come(std::uint64_t now_ms) const;

  Rollout rollout_;
  std::vector<Entry> entries_;
  std::unordered_map<std::uint64_t, std::uint32_t> index_;
  std::set<std::pair<std::uint64_t, std::uint32_t>> waiting_;  // by sample: may be offered as soon as their wave is there
  std::set<std::pair<std::uint64_t, std::uint32_t>> offered_;  // by when they were heard of
  std::uint32_t looked_ = 0;                                   // before this one nobody has waited since the reach last changed
  std::uint64_t offering_ = 0;
  std::uint64_t in_wave_ = 0;  // members of the present wave, but for busy ones that wait and those that are skipped
  std::uint64_t committed_in_wave_ = 0;
  std::uint64_t forgiven_in_wave_ = 0;  // of these: had ended otherwise when somebody resumed
  std::uint64_t unended_ = 0;           // of those in reach: waiting (but for busy ones), offered or on their way there
  Tally all_;
  Tally wave_;
  std::optional<ReleaseHealth> health_;
  bool moving_ = false;
  bool complete_ = false;             // nobody else comes
  std::uint64_t waits_ms_ = 0;        // for others, at least since then
  std::uint64_t pause_until_ms_ = 0;  // after a failed write
  double allowance_ = 0;              // offers that the rate allows now
  std::uint64_t allowance_ms_ = 0;
};

}  // namespace aloft::fleet
