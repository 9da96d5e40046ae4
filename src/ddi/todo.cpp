#include "ddi/todo.hpp"

#include "ddi/local_hour.hpp"

namespace aloft::ddi {

using protocol::UpdateState;

bool has_begun(UpdateState state) {
  return state != UpdateState::offered && state != UpdateState::accepted && state != UpdateState::deferred;
}

bool needs_confirmation(const Situation& situation) {
  const bool asked = situation.state == UpdateState::offered || situation.state == UpdateState::deferred;
  return situation.action != 0 && situation.policy.consent && asked && !situation.confirmed_in_advance;
}

bool is_window_open(const Situation& situation) {
  return !situation.policy.window || is_open_at(*situation.policy.window, situation.now_ms, situation.utc_offset_minutes);
}

// Most clients install what they download.
bool may_begin(const Situation& situation) { return is_window_open(situation) && !situation.policy.download_only; }

Todo todo_of(const Situation& situation) {
  if (situation.withdrawn && !(situation.withdrawal_ignored && situation.action != 0))
    return {.what = Todo::What::cancellation, .action = *situation.withdrawn};
  if (situation.action == 0) return {};
  if (needs_confirmation(situation)) return {.what = Todo::What::confirmation, .action = situation.action};
  if (!has_begun(situation.state) && !may_begin(situation)) return {};
  return {.what = Todo::What::deployment, .action = situation.action};
}

const char* hold_up_of(const Situation& situation) {
  if (situation.action == 0 || situation.state != UpdateState::offered) return nullptr;
  if (needs_confirmation(situation)) return "waits for the consent of a person at the device";
  if (situation.policy.download_only) return "waits for its release; devices of this protocol do not download ahead";
  return is_window_open(situation) ? nullptr : "waits for its maintenance window";
}

}  // namespace aloft::ddi
