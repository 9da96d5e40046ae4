#include "boot/boot_guard.hpp"

#include <algorithm>

#include "base/errors.hpp"
#include "boot/errors.hpp"
#include "boot/order.hpp"

namespace aloft::boot {
namespace {

bool is_committed(const GuardEnv& env) { return env.revision > 0 && !env.in_progress && env.state == GuardState::ok; }
bool is_on_trial(const GuardEnv& env) { return env.revision > 0 && !env.in_progress && env.state == GuardState::installed; }
bool is_used_up(const GuardEnv& env) { return !env.in_progress && (env.state == GuardState::testing || env.state == GuardState::failed); }

std::uint32_t highest_revision(const std::map<std::string, std::optional<GuardEnv>, std::less<>>& environments) {
  std::uint32_t highest = 0;
  for (const auto& [name, env] : environments) {
    if (env) highest = std::max(highest, env->revision);
  }
  return highest;
}

// What EFI Boot Guard takes for the environment: it reads as much as it was built for, and looks at nothing behind.
std::string_view environment_in(std::string_view file) {
  const std::string_view usual = file.substr(0, kGuardHeadBytes + kGuardUserBytes + 4);
  return !parse_guard_env(file) && parse_guard_env(usual) ? usual : file;
}

// The sectors that differ, in one write for each run of them; the file's end may be no whole sector.
Result<> write_changes(Region& region, std::string_view before, std::string_view after) {
  const auto sector = [](std::string_view file, std::size_t at) { return file.substr(at, kSectorBytes); };
  for (std::size_t at = 0; at < after.size(); at += kSectorBytes) {
    if (sector(before, at) == sector(after, at)) continue;
    std::size_t end = at;
    while (end < after.size() && sector(before, end) != sector(after, end)) end += kSectorBytes;
    TRY(region.write(at, after.substr(at, end - at)));
    at = end;
  }
  return {};
}

}  // namespace

Result<GuardSlot*> BootGuardControl::find(std::string_view slot) {
  const auto found = std::ranges::find(slots_, slot, &GuardSlot::name);
  if (found != slots_.end()) return &*found;
  return unknown_slot(slot);
}

Result<BootGuardControl::Environments> BootGuardControl::look() {
  Environments now;
  for (GuardSlot& slot : slots_) {
    const auto file = slot.environment->read();
    if (!file && file.error().code.number != kNotFound.number) return fail(file.error());
    auto env = file ? parse_guard_env(environment_in(*file)) : Result<GuardEnv>(fail(file.error()));
    now[slot.name] = env ? std::optional(*std::move(env)) : std::nullopt;
  }
  return now;
}

// What used up its try goes first, as it went when it was tried; then by revision; then what is bad.
Result<BootState> BootGuardControl::state_of(const Environments& now) const {
  std::vector<std::pair<std::uint64_t, SlotState>> ranked;
  std::vector<SlotState> rest;
  for (const GuardSlot& slot : slots_) {
    const auto& env = now.at(slot.name);
    if (env && is_committed(*env)) {
      ranked.emplace_back(env->revision, SlotState{slot.name, SlotHealth::committed, 0});
    } else if (env && is_on_trial(*env)) {
      ranked.emplace_back(env->revision, SlotState{slot.name, SlotHealth::trial, 1});
    } else if (env && is_used_up(*env)) {
      ranked.emplace_back(std::uint64_t{1} << 32, SlotState{slot.name, SlotHealth::bad, 0});
    } else {
      rest.push_back({slot.name, SlotHealth::bad, 0});
    }
  }
  std::ranges::stable_sort(ranked, std::ranges::greater(), [](const auto& one) { return one.first; });
  const bool any = std::ranges::any_of(ranked, [](const auto& one) { return one.second.health == SlotHealth::committed; });
  if (!any) return fail(kBootStateCorrupt, "no environment of EFI Boot Guard is whole and confirmed (OK); one has to be written anew");
  BootState state;
  for (auto& [rank, slot] : ranked) state.order.push_back(std::move(slot));
  state.order.insert(state.order.end(), rest.begin(), rest.end());
  return state;
}

Result<BootState> BootGuardControl::read() { return state_of(TRY(look())); }

// In place. A power cut in the middle leaves an environment that does not match its checksum, which EFI Boot Guard ignores: each
// change is such that the device then boots another slot that is committed.
Result<> BootGuardControl::store(GuardSlot& slot, const GuardEnv& env) {
  const std::string after = TRY(format_guard_env(env));
  const auto before = slot.environment->read();
  TRY(before && environment_in(*before).size() == after.size()
          ? write_changes(*slot.environment, *before, after + before->substr(after.size()))
          : slot.environment->create(after));
  if (TRY(slot.environment->read()).starts_with(after)) return {};
  return fail(kBootStateWrite, "the environment of slot " + slot.name + " reads back differently than it was written");
}

// One sector, so that the slot that runs is never without a whole environment.
Result<> BootGuardControl::confirm_in_place(GuardSlot& slot, GuardEnv env) {
  const std::string before = TRY(slot.environment->read());
  const auto after = with_guard_state(std::string(environment_in(before)), GuardState::ok);
  env.state = GuardState::ok;
  if (!after) return store(slot, env);
  constexpr std::size_t kStateSector = kSectorBytes;
  TRY(slot.environment->write(kStateSector, std::string_view(*after).substr(kStateSector, kSectorBytes)));
  if (TRY(slot.environment->read()).starts_with(*after)) return {};
  return fail(kBootStateWrite, "the environment of slot " + slot.name + " reads back differently than it was written");
}

// Of user variables in an environment that is made anew. EFI Boot Guard takes one size, with which it was built: an environment that is
// whole has it, or else a torn file, but for one that was cut with its clusters.
Result<std::size_t> BootGuardControl::room_for_variables(const Environments& now) const {
  for (const auto& [name, env] : now) {
    if (env) return env->user.size();
  }
  for (const GuardSlot& slot : slots_) {
    const auto file = slot.environment->read();
    if (!file && file.error().code.number != kNotFound.number) return fail(file.error());
    if (file && file->size() >= kLeastGuardBytes && file->size() % kSectorBytes != 0) return file->size() - kGuardHeadBytes - 4;
  }
  return kGuardUserBytes;
}

// As it is configured; user variables stay.
Result<GuardEnv> BootGuardControl::fresh(const GuardSlot& slot, const Environments& now, GuardState state) const {
  const auto& before = now.at(slot.name);
  GuardEnv env{.kernel = slot.kernel, .arguments = slot.arguments, .state = state, .watchdog_s = watchdog_s_};
  env.revision = highest_revision(now) + 1;
  env.user = before ? before->user : std::string(TRY(room_for_variables(now)), '\0');
  return env;
}

Result<> BootGuardControl::park(GuardSlot& slot, const Environments& now) {
  GuardEnv env = now.at(slot.name) ? *now.at(slot.name) : TRY(fresh(slot, now, GuardState::failed));
  env.in_progress = true;
  env.revision = 0;  // in_progress alone keeps EFI Boot Guard from the newest environment only
  env.state = GuardState::failed;
  return store(slot, env);
}

// A slot that is on trial already would be started without counting when this one fails: it is given up first.
Result<> BootGuardControl::arm(std::string_view slot, unsigned tries) {
  if (tries != 1) return fail(kBadTries, "EFI Boot Guard gives a trial one boot, not " + std::to_string(tries));
  GuardSlot& armed = *TRY(find(slot));
  const Environments now = TRY(look());
  TRY(with_bad(TRY(state_of(now)), slot));  // another one must be committed
  for (GuardSlot& other : slots_) {
    const auto& env = now.at(other.name);
    if (other.name != slot && env && (is_on_trial(*env) || env->state == GuardState::testing)) TRY(park(other, now));
  }
  return store(armed, TRY(fresh(armed, now, GuardState::installed)));
}

Result<> BootGuardControl::commit(std::string_view slot) {
  GuardSlot& kept = *TRY(find(slot));
  const Environments now = TRY(look());
  TRY(state_of(now));
  const auto& before = now.at(kept.name);
  GuardEnv env = before ? *before : TRY(fresh(kept, now, GuardState::ok));
  env.state = GuardState::ok;
  env.in_progress = false;
  const std::uint32_t highest = highest_revision(now);
  const bool alone = std::ranges::count_if(now, [&](const auto& one) { return one.second && one.second->revision == highest; }) == 1;
  if (env.revision == highest && alone && before && !before->in_progress) return confirm_in_place(kept, *before);
  if (env.revision != highest || !alone) env.revision = highest + 1;
  return store(kept, env);
}

Result<> BootGuardControl::mark_bad(std::string_view slot) {
  GuardSlot& given_up = *TRY(find(slot));
  const Environments now = TRY(look());
  TRY(with_bad(TRY(state_of(now)), slot));
  return park(given_up, now);
}

// The booted one first: from then on there is one to boot.
Result<> BootGuardControl::rebuild(std::string_view booted) {
  GuardSlot& good = *TRY(find(booted));
  const Environments now = TRY(look());
  TRY(store(good, TRY(fresh(good, now, GuardState::ok))));
  for (GuardSlot& other : slots_) {
    if (other.name != booted) TRY(park(other, now));
  }
  return {};
}

Result<std::vector<std::string>> BootGuardControl::examine(Probe probe) {
  for (GuardSlot& slot : slots_) TRY(slot.environment->check_writable());
  const Environments now = TRY(look());
  const BootState state = TRY(state_of(now));
  std::vector<std::string> weak;
  for (GuardSlot& slot : slots_) {
    const auto& env = now.at(slot.name);
    TRY(format_guard_env(TRY(fresh(slot, now, GuardState::ok))));
    if (!env) weak.push_back("the environment of slot " + slot.name + " is torn, so the slot cannot be booted; the next update mends it");
    if (env && env->watchdog_s == 0 && !env->in_progress)
      weak.push_back("slot " + slot.name + " is started without a watchdog, so that one that hangs stays; set boot.watchdog_s");
    if (env && probe == Probe::rewrite) TRY(slot.environment->write(0, TRY(slot.environment->read()).substr(0, kSectorBytes)));
  }
  return weak;
}

}  // namespace aloft::boot
