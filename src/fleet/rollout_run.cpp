#include "fleet/rollout_run.hpp"

#include <algorithm>

#include "fleet/errors.hpp"

namespace aloft::fleet {
namespace {

constexpr std::uint64_t kPauseAfterFailedWriteMs = 2000;
constexpr std::size_t kMaxLooks = 50'000;  // for somebody who waits, in one go

bool offers(RolloutState state) { return state == RolloutState::running || state == RolloutState::open; }
bool judges(RolloutState state) { return offers(state) || state == RolloutState::soaking; }

}  // namespace

std::uint64_t RolloutRun::Tally::of(RolloutPlan::Failure failure) const {
  switch (failure) {
    case RolloutPlan::Failure::any: return failed + rolled_back + silent;
    case RolloutPlan::Failure::failed: return failed;
    case RolloutPlan::Failure::rolled_back: return rolled_back;
    case RolloutPlan::Failure::silent: return silent;
  }
  return 0;
}

RolloutRun::RolloutRun(Rollout rollout, const std::vector<Member>& members, std::uint64_t now_ms) : rollout_(std::move(rollout)) {
  rollout_.counts = {};
  waits_ms_ = begin_of_deadline(0, now_ms);
  expect(members.size());
  for (const Member& member : members) insert(member, now_ms);
  recount();
}

std::uint64_t RolloutRun::begin_of_deadline(std::uint64_t time_ms, std::uint64_t now_ms) const {
  const std::uint64_t grace_ms = rollout_.plan.deadline_s * kDeadlineAfterRestartPermille;
  return std::max(time_ms, now_ms - std::min(now_ms, grace_ms));
}

void RolloutRun::insert(const Member& member, std::uint64_t now_ms) {
  Entry entry{.device = member.device,
              .sample = member.sample,
              .deployment = member.deployment,
              .heard_ms = begin_of_deadline(member.changed_ms, now_ms),
              .ended_ms = member.changed_ms,
              .wave = static_cast<std::uint32_t>(member.wave),
              .attempts = static_cast<std::uint32_t>(member.attempts),
              .state = member.state,
              .waits = member.waits};
  if (entry.wave == 0 && entry.sample < rollout_.reach) entry.wave = static_cast<std::uint32_t>(rollout_.wave);
  index_.emplace(entry.device, static_cast<std::uint32_t>(entries_.size()));
  entries_.push_back(entry);
  ++rollout_.counts[static_cast<std::size_t>(entry.state)];
  find_place(static_cast<std::uint32_t>(entries_.size() - 1));
}

RolloutRun::Entry* RolloutRun::entry_of(std::uint64_t device) {
  const auto found = index_.find(device);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

bool RolloutRun::counts_as_ended(const Entry& entry) const {
  return (entry.state == MemberState::committed || is_failure(entry.state)) && entry.ended_ms > rollout_.judged_after_ms && !entry.removed;
}

void RolloutRun::tally(const Entry& entry, std::int64_t by) {
  if (entry.removed) return;
  const auto add = [by](std::uint64_t& number) { number += static_cast<std::uint64_t>(by); };
  const bool held_up = entry.state == MemberState::waiting && entry.busy;
  const bool in_wave = entry.wave != 0 && entry.wave == rollout_.wave;
  const bool needless = entry.state == MemberState::skipped;
  if (in_wave && !held_up && !needless) add(in_wave_);
  if (in_wave && entry.state == MemberState::committed) add(committed_in_wave_);
  const bool at_it = entry.state == MemberState::offered || (entry.state == MemberState::waiting && !held_up);
  if (entry.wave != 0 && at_it) add(unended_);
  const bool unsuccessful = !at_it && !held_up && !needless && entry.state != MemberState::committed;
  if (in_wave && unsuccessful && entry.ended_ms <= rollout_.judged_after_ms) add(forgiven_in_wave_);
  if (!counts_as_ended(entry)) return;
  for (Tally* tally : {&all_, in_wave ? &wave_ : nullptr}) {
    if (tally == nullptr) continue;
    add(tally->ended);
    if (entry.state == MemberState::failed) add(tally->failed);
    if (entry.state == MemberState::rolled_back) add(tally->rolled_back);
    if (entry.state == MemberState::silent) add(tally->silent);
  }
}

void RolloutRun::recount() {
  all_ = {};
  wave_ = {};
  in_wave_ = committed_in_wave_ = forgiven_in_wave_ = unended_ = 0;
  for (const Entry& entry : entries_) tally(entry, 1);
}

void RolloutRun::forget_place(std::uint32_t at) {
  waiting_.erase({entries_[at].sample, at});
  offered_.erase({entries_[at].heard_ms, at});
}

void RolloutRun::find_place(std::uint32_t at) {
  const Entry& entry = entries_[at];
  if (entry.removed || entry.flight != Flight::none) return;
  if (entry.state == MemberState::waiting && !entry.busy) waiting_.emplace(entry.sample, at);
  if (entry.state == MemberState::offered) offered_.emplace(entry.heard_ms, at);
}

void RolloutRun::set_state(Entry& entry, MemberState state, std::uint64_t now_ms) {
  tally(entry, -1);
  forget_place(at(entry));
  --rollout_.counts[static_cast<std::size_t>(entry.state)];
  entry.state = state;
  entry.ended_ms = now_ms;
  ++rollout_.counts[static_cast<std::size_t>(entry.state)];
  find_place(at(entry));
  tally(entry, 1);
}

// --- what happened

void RolloutRun::offered(std::uint64_t device, std::uint64_t deployment, std::uint64_t now_ms) {
  Entry* entry = entry_of(device);
  if (entry == nullptr) return;
  if (entry->flight == Flight::offering) --offering_;
  entry->flight = Flight::none;
  entry->deployment = deployment;
  entry->heard_ms = now_ms;
  entry->waits = false;
  ++entry->attempts;
  set_state(*entry, MemberState::offered, now_ms);
}

void RolloutRun::refused(std::uint64_t device, Refusal why, std::uint64_t now_ms) {
  Entry* entry = entry_of(device);
  if (entry == nullptr) return;
  if (entry->flight == Flight::offering) --offering_;
  entry->flight = Flight::none;
  if (entry->state != MemberState::waiting) return;  // it was taken out while the order was on its way
  if (why == Refusal::gone) return gone(device);
  tally(*entry, -1);
  entry->busy = why == Refusal::busy;
  tally(*entry, 1);
  set_state(*entry, why == Refusal::busy ? MemberState::waiting : MemberState::skipped, now_ms);
}

void RolloutRun::not_carried_out(const OfferOrder& order, std::uint64_t now_ms) {
  for (const OfferOrder::Device& one : order.devices) {
    Entry* entry = entry_of(one.device);
    if (entry == nullptr || entry->flight != Flight::offering) continue;
    entry->flight = Flight::none;
    --offering_;
    find_place(at(*entry));
  }
  pause_until_ms_ = now_ms + kPauseAfterFailedWriteMs;
}

void RolloutRun::silenced(std::uint64_t device, std::uint64_t now_ms) {
  Entry* entry = entry_of(device);
  if (entry == nullptr) return;
  entry->flight = Flight::none;
  if (entry->state == MemberState::offered) return set_state(*entry, MemberState::silent, now_ms);
  find_place(at(*entry));  // it has told meanwhile how it ended
}

void RolloutRun::not_silenced(std::uint64_t device, std::uint64_t now_ms) {
  Entry* entry = entry_of(device);
  if (entry == nullptr) return;
  entry->flight = Flight::none;
  find_place(at(*entry));
  pause_until_ms_ = now_ms + kPauseAfterFailedWriteMs;
}

void RolloutRun::reported(std::uint64_t device, std::uint64_t deployment, Leg leg, protocol::UpdateState state, std::uint64_t now_ms) {
  Entry* entry = entry_of(device);
  if (entry == nullptr || entry->deployment != deployment) return;
  if (entry->flight == Flight::offering && entry->state == MemberState::waiting) return;  // the next deployment is on its way
  MemberState next = member_state_of(state);
  if (next == MemberState::offered) {
    if (entry->state != MemberState::offered) return;
    forget_place(at(*entry));
    entry->heard_ms = now_ms;
    entry->waits = state == protocol::UpdateState::deferred;
    find_place(at(*entry));
    return;
  }
  // A withdrawal of ours comes back as cancelled; only the device's own last word says more.
  if (next == MemberState::cancelled && entry->state != MemberState::offered) return;
  const bool failed = next == MemberState::failed || next == MemberState::rolled_back;
  const bool retry = failed && entry->state != MemberState::cancelled && entry->attempts <= rollout_.plan.retries;
  if (leg == Leg::stone && next == MemberState::committed) {
    if (entry->state != MemberState::offered && entry->state != MemberState::silent) return;
    entry->attempts = 0;
    return set_state(*entry, MemberState::waiting, now_ms);
  }
  set_state(*entry, retry ? MemberState::waiting : next, now_ms);
}

void RolloutRun::observed(ReleaseHealth health, std::uint64_t judged_after_ms) {
  if (judged_after_ms == rollout_.judged_after_ms) health_ = std::move(health);
}

bool RolloutRun::wants_health() const { return !rollout_.plan.health_gates.empty() && judges(rollout_.state); }

void RolloutRun::expect(std::size_t members) {
  entries_.reserve(entries_.size() + members);
  index_.reserve(index_.size() + members);
}

void RolloutRun::joined(const Member& member) {
  if (has(member.device)) return;
  insert(member, member.changed_ms);
  tally(entries_.back(), 1);
}

void RolloutRun::gone(std::uint64_t device) {
  Entry* entry = entry_of(device);
  if (entry == nullptr) return;
  if (entry->flight == Flight::offering) --offering_;
  entry->flight = Flight::none;
  tally(*entry, -1);
  forget_place(at(*entry));
  --rollout_.counts[static_cast<std::size_t>(entry->state)];
  entry->removed = true;
  index_.erase(device);
}

void RolloutRun::freed(std::uint64_t device) {
  Entry* entry = entry_of(device);
  if (entry == nullptr || !entry->busy) return;
  tally(*entry, -1);
  entry->busy = false;
  tally(*entry, 1);
  find_place(at(*entry));
}

void RolloutRun::cancelled(std::uint64_t device, std::uint64_t now_ms) {
  Entry* entry = entry_of(device);
  if (entry == nullptr || (entry->state != MemberState::waiting && entry->state != MemberState::offered)) return;
  set_state(*entry, MemberState::cancelled, now_ms);
}

// --- gates and waves

std::optional<std::string> RolloutRun::broken_in(const Tally& tally, bool complete, const std::string& where) const {
  static constexpr std::array<std::string_view, 4> kWords{"failed in any way", "failed", "rolled back", "fell silent"};
  for (const RolloutPlan::Gate& gate : rollout_.plan.gates) {
    const std::uint64_t needed = complete ? 1 : gate.min_sample;
    const std::uint64_t bad = tally.of(gate.failure);
    if (tally.ended < needed || bad * 1000 <= gate.max_permille * tally.ended) continue;
    return std::to_string(bad) + " of " + std::to_string(tally.ended) + " devices that have ended " + where + " " +
           std::string(kWords[static_cast<std::size_t>(gate.failure)]) + "; allowed are " + std::to_string(gate.max_permille / 10) + "." +
           std::to_string(gate.max_permille % 10) + " %";
  }
  return std::nullopt;
}

std::optional<std::string> RolloutRun::broken_gate() const {
  if (auto broken = broken_in(wave_, wave_has_ended(), "in wave " + std::to_string(rollout_.wave))) return broken;
  if (auto broken = broken_in(all_, false, "in the whole rollout")) return broken;
  const RolloutPlan& plan = rollout_.plan;
  for (const HealthGate& gate : plan.health_gates)
    if (health_)
      if (auto broken = broken_by(gate, *health_)) return broken;
  const std::uint64_t judged = judged_in_wave();
  const bool missed = plan.success_permille != 0 && rollout_.state == RolloutState::running && judged != 0 && wave_has_ended() &&
                      committed_in_wave_ * 1000 < plan.success_permille * judged;
  if (!missed) return std::nullopt;
  return "all devices of wave " + std::to_string(rollout_.wave) + " have ended, and " + std::to_string(committed_in_wave_) + " of " +
         std::to_string(judged) + " committed; wanted are " + std::to_string(plan.success_permille / 10) + "." +
         std::to_string(plan.success_permille % 10) + " %";
}

bool RolloutRun::wave_has_ended() const { return unended_ == 0 && offering_ == 0; }

bool RolloutRun::all_have_ended() const { return wave_has_ended() && rollout_.counts[static_cast<std::size_t>(MemberState::waiting)] == 0; }

bool RolloutRun::wave_has_enough() const {
  const RolloutPlan& plan = rollout_.plan;
  const std::uint64_t judged = judged_in_wave();
  return plan.success_permille != 0 && judged != 0 && committed_in_wave_ * 1000 >= plan.success_permille * judged;
}

std::uint64_t RolloutRun::reach_of_permille(std::uint64_t permille) const { return permille * kWholeTarget / 1000; }

std::uint64_t RolloutRun::reach_of(std::uint64_t wave) const {
  const RolloutPlan::Wave& plan = rollout_.plan.waves[wave - 1];
  if (plan.permille) return std::max(rollout_.reach, reach_of_permille(*plan.permille));
  std::vector<std::uint64_t> samples;
  for (const Entry& entry : entries_)
    if (!entry.removed) samples.push_back(entry.sample);
  if (*plan.count >= samples.size()) return kWholeTarget;
  const auto nth = samples.begin() + static_cast<std::ptrdiff_t>(*plan.count);
  std::ranges::nth_element(samples, nth);
  return std::max(rollout_.reach, *nth);
}

MoveOrder RolloutRun::move(const RolloutStep& step, RolloutEvent event, const std::string& by, std::string reason, std::uint64_t now_ms) {
  MoveOrder order{.rollout = rollout_, .event = event, .action = step.action, .by = by};
  Rollout& next = order.rollout;
  next.state = step.to;
  next.reason = std::move(reason);
  next.changed_ms = now_ms;
  if (event == RolloutEvent::start) next.started_ms = now_ms;
  if (event == RolloutEvent::approve) next.approved_by = by;
  if (step.action == RolloutAction::soak) next.soak_until_ms = now_ms + rollout_.plan.waves[rollout_.wave - 1].soak_s * 1000;
  if (step.action == RolloutAction::forgive) next.judged_after_ms = now_ms;
  if (step.action == RolloutAction::open_wave) {
    next.wave = rollout_.wave + 1;
    next.reach = reach_of(next.wave);
  }
  moving_ = true;
  return order;
}

bool RolloutRun::others_may_come(std::uint64_t now_ms) const {
  return waits_for_others() && now_ms < std::max(rollout_.started_ms, waits_ms_) + rollout_.plan.deadline_s * 1000;
}

std::optional<MoveOrder> RolloutRun::next_move(std::uint64_t now_ms) {
  std::optional<RolloutEvent> event;
  std::string reason;
  const RolloutPlan& plan = rollout_.plan;
  if (rollout_.state == RolloutState::ready && plan.start == RolloutPlan::Start::at_time && now_ms >= plan.start_at_ms)
    event = RolloutEvent::start;
  if (rollout_.state == RolloutState::soaking && now_ms >= rollout_.soak_until_ms) event = RolloutEvent::soak_over;
  if (rollout_.state == RolloutState::running && (wave_has_ended() || wave_has_enough())) {
    const bool last = rollout_.wave >= plan.waves.size();
    if (!last) event = RolloutEvent::wave_ended;
    if (last && plan.adopt && wave_has_ended()) event = RolloutEvent::all_ended;
    if (last && !plan.adopt && all_have_ended() && !others_may_come(now_ms)) event = RolloutEvent::last_wave_ended;
  }
  if (judges(rollout_.state))
    if (auto broken = broken_gate()) {
      event = plan.on_broken == RolloutPlan::OnBroken::pause ? RolloutEvent::gate_broken : RolloutEvent::gate_broken_back;
      reason = *std::move(broken);
    }
  if (!event) return std::nullopt;
  const auto found = step(rollout_.state, *event);
  if (!found) return std::nullopt;
  return move(*found, *event, "", std::move(reason), now_ms);
}

Result<std::vector<Order>> RolloutRun::command(RolloutEvent event, const std::string& by, std::uint64_t now_ms, std::uint64_t to_permille) {
  const auto found = step(rollout_.state, event);
  if (!found)
    return fail(kRolloutState, "rollout " + std::to_string(rollout_.id) + " is " + std::string(to_string(rollout_.state)) + "; \"" +
                                   std::string(to_string(event)) + "\" makes no sense there");
  if (moving_) return fail(kRolloutState, "rollout " + std::to_string(rollout_.id) + " is just changing its state; try again");
  if (event == RolloutEvent::roll_back && !rollout_.plan.rollback_release)
    return fail(kRolloutState, "rollout " + std::to_string(rollout_.id) + " names no release to go back to");
  MoveOrder order = move(*found, event, by, "", now_ms);
  if (event == RolloutEvent::raise) {
    const std::uint64_t reach = reach_of_permille(to_permille);
    if (reach <= rollout_.reach) {
      moving_ = false;
      return fail(kRolloutState,
                  "rollout " + std::to_string(rollout_.id) + " has reached so much of its target already; devices are not taken back");
    }
    order.rollout.reach = reach;
    order.rollout.reason = rollout_.reason;
    order.rollout.wave = rollout_.wave;
    if (to_permille == 1000) order.rollout.wave = rollout_.plan.waves.size();
  }
  return std::vector<Order>{std::move(order)};
}

void RolloutRun::moved(const MoveOrder& order) {
  moving_ = false;
  const MemberCounts counts = rollout_.counts;
  const bool download_only = rollout_.plan.policy.download_only;  // it may have been released since the order was made
  rollout_ = order.rollout;
  rollout_.counts = counts;
  rollout_.plan.policy.download_only = download_only;
  if (order.action == RolloutAction::open_wave || order.action == RolloutAction::widen)
    for (Entry& entry : entries_)
      if (entry.wave == 0 && entry.sample < rollout_.reach) entry.wave = static_cast<std::uint32_t>(rollout_.wave);
  if (order.action == RolloutAction::forgive) health_.reset();
  looked_ = 0;
  recount();
  allowance_ = 0;
}

void RolloutRun::not_moved(std::uint64_t now_ms) {
  moving_ = false;
  pause_until_ms_ = now_ms + kPauseAfterFailedWriteMs;
}

// --- what to do

// Nothing: it has looked long enough for now.
std::optional<std::uint32_t> RolloutRun::next_in_store(std::size_t& looks) {
  for (; looked_ < entries_.size() && looks > 0; --looks) {
    const std::uint32_t at = looked_++;
    if (entries_[at].sample < rollout_.reach && waiting_.contains({entries_[at].sample, at})) return at;
  }
  if (looked_ < entries_.size()) return std::nullopt;
  return waiting_.begin()->second;
}

void RolloutRun::add_offers(std::uint64_t now_ms, std::vector<Order>& orders) {
  const double rate = rate_per_minute(rollout_, now_ms);
  std::size_t most = kMaxOffersAtOnce;
  if (rate > 0) {
    const std::uint64_t passed_ms = now_ms - std::min(now_ms, allowance_ms_ == 0 ? now_ms : allowance_ms_);
    // What was not used is not saved up for longer than some seconds, so that a minute never has much more than its rate.
    const double most_saved = std::max(1.0, rate / 12.0);
    allowance_ = std::min(most_saved, allowance_ + rate * static_cast<double>(passed_ms) / 60'000.0);
    allowance_ms_ = now_ms;
    most = std::min<std::size_t>(most, static_cast<std::size_t>(allowance_));
  }
  OfferOrder order;
  std::size_t looks = kMaxLooks;
  while (order.devices.size() < most && offering_ < kMaxOffersAtOnce && somebody_waits()) {
    // By sample when a rate limits how many: a fair choice. Else as the store has them, which is several times cheaper there.
    const std::optional<std::uint32_t> next = rate > 0 ? waiting_.begin()->second : next_in_store(looks);
    if (!next) break;
    Entry& entry = entries_[*next];
    waiting_.erase({entry.sample, *next});
    entry.flight = Flight::offering;
    ++offering_;
    order.devices.push_back({.device = entry.device, .attempt = entry.attempts + 1});
  }
  if (rate > 0) allowance_ -= static_cast<double>(order.devices.size());
  if (!order.devices.empty()) orders.emplace_back(std::move(order));
}

void RolloutRun::add_silences(std::uint64_t now_ms, const LastSeen& last_seen, std::vector<Order>& orders) {
  const std::uint64_t deadline_ms = rollout_.plan.deadline_s * 1000;
  for (std::size_t looks = kMaxOffersAtOnce; looks > 0; --looks) {
    if (offered_.empty() || offered_.begin()->first + deadline_ms > now_ms) return;
    Entry& entry = entries_[offered_.begin()->second];
    offered_.erase(offered_.begin());
    const std::uint64_t seen_ms = entry.waits ? last_seen(entry.device) : 0;
    if (seen_ms + deadline_ms > now_ms) {
      entry.heard_ms = seen_ms;
      offered_.emplace(entry.heard_ms, at(entry));
      continue;
    }
    entry.flight = Flight::silencing;
    orders.emplace_back(SilenceOrder{.device = entry.device, .deployment = entry.deployment});
  }
}

std::vector<Order> RolloutRun::tick(std::uint64_t now_ms, const LastSeen& last_seen) {
  std::vector<Order> orders;
  if (moving_ || now_ms < pause_until_ms_) return orders;
  if (!is_final(rollout_.state)) add_silences(now_ms, last_seen, orders);
  if (auto next = next_move(now_ms)) {
    orders.emplace_back(*std::move(next));
    return orders;
  }
  if (offers(rollout_.state)) add_offers(now_ms, orders);
  return orders;
}

}  // namespace aloft::fleet
