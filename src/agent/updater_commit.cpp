// The updater's actions by which a system is committed or given up, and what a commit asks for besides.
#include <algorithm>

#include "agent/updater.hpp"
#include "boot/order.hpp"
#include "update/errors.hpp"
#include "update/floor.hpp"

namespace aloft::agent {

using update::State;

namespace {

// Out of the boot order already. One that is bad but first has used up its tries: that still has to be told apart from one never armed.
bool is_parked(const boot::BootState& state, const std::string& name) {
  const boot::SlotState* slot = find_slot(state, name);
  return slot && slot->health == boot::SlotHealth::bad && slot != &state.order.front();
}

}  // namespace

std::optional<Error> problem_of(const UpdateStatus& status) {
  if (status.trouble || status.refused.empty()) return status.trouble;
  return told(status.refused.front());
}

Result<> Updater::commit() {
  if (state_.target != config_.booted) return fail(update::kStrangeSlot, "group " + state_.target + " is on trial but does not run");
  return commit_running();
}

Result<> Updater::commit_running() {
  TRY(seams_.boot.commit(config_.booted));
  const std::lock_guard lock(mutex_);
  standing_ = Standing::committed;
  return {};
}

Result<> Updater::abandon_target() {
  const auto abandoned = seams_.slots.abandon();
  note_refused();
  TRY(abandoned);
  if (is_parked(TRY(seams_.boot.read()), state_.target)) return {};
  return seams_.boot.mark_bad(state_.target);
}

// Of the update that was committed last, whatever has kept it from being done until now. The floor first: what a shared slot cannot do now
// does not keep it low. What waits in shared slots is that update's only as long as none after it has come to know its target.
Result<> Updater::finish_last_commit() {
  std::vector<State> updates = journal_->history();
  if (state_.phase == update::Phase::committed) updates.push_back(state_);  // it may be one that could not be recorded
  const auto last = std::ranges::find(updates.rbegin(), updates.rend(), update::Phase::committed, &State::phase);
  if (last != updates.rend()) TRY(update::raise_floor(seams_.files, last->security_version));
  const bool is_its =
      last != updates.rend() && std::all_of(updates.rbegin(), last, [](const State& later) { return later.target.empty(); });
  auto switched = is_its ? seams_.slots.commit() : seams_.slots.make_up();
  note_refused();
  return switched;
}

void Updater::note_refused() {
  auto refused = seams_.slots.refused();
  {
    const std::lock_guard lock(mutex_);
    if (refused == refused_) return;
    std::swap(refused, refused_);
  }
  seams_.surroundings.trouble_changed();
}

// What is written there could not become active. Everything else goes on.
Result<> Updater::check_refusals(const bundle::Manifest& manifest) const {
  for (const bundle::Image& image : manifest.images) {
    const auto refusal = seams_.slots.refusal_of(image.slot_class);
    if (!refusal) continue;
    const Error why = told(*refusal);
    return fail(why.code, why.message + "; mend that, or give a bundle without image \"" + image.name + "\"");
  }
  return {};
}

}  // namespace aloft::agent
