// Rollouts over simulated fleets, with a clock that is moved by hand. The simulated store forgets nothing; the run is thrown away and made
// again from it in the middle, as at a restart of the server.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "fleet/rollout_run.hpp"

namespace aloft::fleet::simulated {

using protocol::UpdateState;

enum class Nature : std::uint8_t { good, failing, returning, silent, stubborn };  // stubborn: fails once, then is good

inline RolloutPlan plan_of(std::vector<RolloutPlan::Wave> waves) {
  RolloutPlan plan{.name = "x", .release = 1, .filter = "name==*", .waves = std::move(waves)};
  plan.deadline_s = 3600;
  return plan;
}
inline RolloutPlan::Wave percent(std::uint64_t permille, std::uint64_t soak_s = 0) {
  return {.permille = permille, .count = {}, .soak_s = soak_s};
}
inline RolloutPlan::Wave devices(std::uint64_t count) { return {.permille = {}, .count = count, .soak_s = 0}; }

class SimulatedFleet {
 public:
  SimulatedFleet(RolloutPlan plan, std::size_t size, std::uint64_t seed, const std::function<Nature(std::mt19937_64&)>& nature)
      : engine_(seed) {
    rollout_ = {.id = 1, .plan = std::move(plan), .version = "2", .state = RolloutState::ready};
    for (std::uint64_t i = 1; i <= size; ++i) {
      members_[i] = {.device = i, .sample = sample_of("seed", "device-" + std::to_string(i))};
      natures_[i] = nature(engine_);
    }
    restart();
  }

  // What the store knows becomes the run, as after a restart.
  void restart() {
    std::vector<Member> members;
    for (const auto& [id, member] : members_) members.push_back(member);
    in_flight_.clear();
    run_ = std::make_unique<RolloutRun>(rollout_, members, now_ms_);
  }

  void command(RolloutEvent event, std::uint64_t permille = 0) {
    auto orders = run_->command(event, "op", now_ms_, permille);
    ASSERT_TRUE(orders) << orders.error().text();
    for (Order& order : *orders) carry_out(std::move(order));
  }

  void pass(std::uint64_t seconds, std::uint64_t step_ms = 1000) {
    for (std::uint64_t end = now_ms_ + seconds * 1000; now_ms_ < end;) {
      now_ms_ += step_ms;
      let_devices_work();
      for (Order& order : run_->tick(now_ms_, [this](std::uint64_t device) { return seen_[device]; })) carry_out(std::move(order));
      if (restart_every_ms_ != 0 && now_ms_ % restart_every_ms_ < step_ms) restart();
      check();
    }
  }
  bool pass_until(RolloutState state, std::uint64_t seconds) {
    for (std::uint64_t i = 0; i < seconds && rollout_.state != state; ++i) pass(1);
    return rollout_.state == state;
  }

  // What never happens.
  void check() const {
    MemberCounts counts{};
    for (const auto& [id, member] : members_) {
      if (member.attempts != 0) {
        ASSERT_LT(member.sample, rollout_.reach) << "a device got it before its wave";
        ASSERT_LE(member.attempts, rollout_.plan.retries + 1);
      }
      ++counts[static_cast<std::size_t>(member.state)];
    }
    ASSERT_EQ(run_->rollout().counts, counts) << "the store and the run know the same";
  }

  std::size_t count(MemberState state) const {
    return static_cast<std::size_t>(std::ranges::count_if(members_, [state](const auto& item) { return item.second.state == state; }));
  }
  std::size_t attempted() const {
    return static_cast<std::size_t>(std::ranges::count_if(members_, [](const auto& item) { return item.second.attempts != 0; }));
  }

  Rollout rollout_;
  std::map<std::uint64_t, Member> members_;
  std::map<std::uint64_t, Nature> natures_;
  std::map<std::uint64_t, std::uint64_t> seen_;
  std::set<std::uint64_t> busy_;
  std::unique_ptr<RolloutRun> run_;
  std::uint64_t now_ms_ = 1'000'000;
  std::uint64_t restart_every_ms_ = 0;
  std::uint64_t update_takes_ms_ = 20'000;
  std::size_t offers_ = 0;
  bool rolled_back_ = false;
  bool store_fails_ = false;

 private:
  struct Work {
    std::uint64_t device;
    std::uint64_t deployment;
  };

  void carry_out(Order order) {
    if (auto* offer = std::get_if<OfferOrder>(&order)) return carry_out_offer(*offer);
    if (auto* silence = std::get_if<SilenceOrder>(&order)) {
      Member& member = members_[silence->device];
      if (store_fails_) return run_->not_silenced(silence->device, now_ms_);
      if (member.state == MemberState::offered) set(member, MemberState::silent);
      return run_->silenced(silence->device, now_ms_);
    }
    auto& moved = std::get<MoveOrder>(order);
    if (store_fails_) return run_->not_moved(now_ms_);
    rollout_ = moved.rollout;
    for (auto& [id, member] : members_)
      if ((moved.action == RolloutAction::open_wave || moved.action == RolloutAction::widen) && member.wave == 0 &&
          member.sample < rollout_.reach)
        member.wave = rollout_.wave;
    rolled_back_ = rolled_back_ || moved.action == RolloutAction::roll_back;
    run_->moved(moved);
  }

  void carry_out_offer(const OfferOrder& order) {
    if (store_fails_) return run_->not_carried_out(order, now_ms_);
    for (const auto& wanted : order.devices) {
      Member& member = members_[wanted.device];
      if (busy_.contains(wanted.device)) {
        run_->refused(wanted.device, RolloutRun::Refusal::busy, now_ms_);
        continue;
      }
      member.attempts = wanted.attempt;
      member.deployment = next_deployment_++;
      set(member, MemberState::offered);
      ++offers_;
      if (natures_[wanted.device] != Nature::silent) work_.emplace(now_ms_ + update_takes_ms_, Work{wanted.device, member.deployment});
      run_->offered(wanted.device, member.deployment, now_ms_);
    }
  }

  void let_devices_work() {
    while (!work_.empty() && work_.begin()->first <= now_ms_) {
      const Work work = work_.begin()->second;
      work_.erase(work_.begin());
      Member& member = members_[work.device];
      const Nature nature = natures_[work.device];
      const bool fails = nature == Nature::failing || (nature == Nature::stubborn && member.attempts == 1);
      const UpdateState state =
          fails ? UpdateState::failed : (nature == Nature::returning ? UpdateState::rolled_back : UpdateState::committed);
      const bool again = state != UpdateState::committed && member.attempts <= rollout_.plan.retries;
      set(member, again ? MemberState::waiting : member_state_of(state));
      run_->reported(work.device, work.deployment, RolloutRun::Leg::target, state, now_ms_);
    }
  }

  void set(Member& member, MemberState state) const {
    member.state = state;
    member.changed_ms = now_ms_;
    member.waits = false;
  }

  std::mt19937_64 engine_;
  std::multimap<std::uint64_t, Work> work_;
  std::map<std::uint64_t, std::uint64_t> in_flight_;
  std::uint64_t next_deployment_ = 1;
};

inline Nature all_good(std::mt19937_64&) { return Nature::good; }

}  // namespace aloft::fleet::simulated
