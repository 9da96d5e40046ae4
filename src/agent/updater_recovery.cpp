// The updater's actions where a recovery system installs: docs/decisions/0013-recovery-system.md.
#include <algorithm>

#include "agent/recovery_mark.hpp"
#include "agent/try_counting.hpp"
#include "agent/updater.hpp"
#include "base/log.hpp"
#include "boot/errors.hpp"
#include "boot/order.hpp"
#include "update/errors.hpp"

namespace aloft::agent {

using boot::SlotHealth;
using update::Action;
using update::EventKind;

// Whose the error is: what a failed action means to the table.
EventKind Updater::failure_event(Action action, const Error& error) {
  if (action == Action::abandon_target && error.code.number == boot::kNoOtherSlot.number) return EventKind::no_way_back;
  if (action == Action::abandon_recovery && error.code.number == boot::kNoOtherSlot.number) return EventKind::no_way_back;
  if (action == Action::abandon_target && state_.target == config_.booted) {
    const auto boot = seams_.boot.read();
    if (boot && !is_another_committed(*boot, config_.booted)) return EventKind::no_way_back;
  }
  const bool of_installing =
      action == Action::open || action == Action::prepare_target || action == Action::write_images || action == Action::arm;
  if (!in_recovery() || !of_installing || state_.target == config_.booted || error.code.kind != ErrorKind::retry) return EventKind::failed;
  const auto boot = seams_.boot.read();
  return boot && is_another_committed(*boot, config_.booted) ? EventKind::failed : EventKind::stuck;
}

// The recovery system boots next, and is counted: should it not come up, the boot loader goes back to the normal one, which is whole.
Result<> Updater::summon_recovery() {
  const boot::BootState boot = TRY(seams_.boot.read());
  if (!is_committed(boot, config_.booted))
    return fail(update::kNotNow, "the running group " + config_.booted + " is not committed, so it is the only way back");
  const boot::SlotState* const recovery = find_slot(boot, state_.via);
  if (recovery != nullptr && recovery->health != SlotHealth::bad) TRY(mark_recovery_whole(seams_.files));
  if (recovery == nullptr || (recovery->health == SlotHealth::bad && !TRY(recovery_is_whole(seams_.files))))
    return fail(update::kNoRecovery,
                "the recovery system (group " + state_.via + ") has to install this, but it is marked bad; install it anew first");
  TRY(TryCounting(seams_.files).arming(state_.via, config_.tries));
  return seams_.boot.arm(state_.via, config_.tries);
}

Result<> Updater::abandon_recovery() {
  const boot::BootState boot = TRY(seams_.boot.read());
  const boot::SlotState* const recovery = find_slot(boot, state_.via);
  if (recovery != nullptr && recovery->health == SlotHealth::bad && recovery != &boot.order.front()) return {};
  return seams_.boot.mark_bad(state_.via);
}

// Home from a recovery system that was started for an update, as long as there is a normal system, and only once: where the boot loader
// starts the recovery system in spite of the order, the normal one does not load.
Result<> Updater::rest() {
  if (!in_recovery() || state_.via != config_.booted) return {};
  const boot::BootState boot = TRY(seams_.boot.read());
  if (boot.order.front().name != config_.booted) return {};
  const auto home = std::ranges::find_if(
      boot.order, [&](const boot::SlotState& slot) { return slot.name != config_.booted && slot.health == SlotHealth::committed; });
  if (home == boot.order.end()) return {};
  log::info("update: back to group " + home->name);
  const std::string name = home->name;
  TRY(commit_running());
  TRY(seams_.boot.commit(name));
  return reboot();
}

}  // namespace aloft::agent
