#include "agent/shared_switches.hpp"

#include <vector>

#include "base/log.hpp"

namespace aloft::agent {

Result<> SharedSwitches::commit_due_together() {
  std::map<std::string, std::vector<DueSwitch>> due;
  for (const auto& [slot_class, one] : TRY(waiting_.all())) {
    if (!one.due || !slots_.has(slot_class)) continue;
    if (const std::string word = slots_.together(slot_class); !word.empty()) due[word].push_back({slot_class, one.content});
  }
  for (const auto& [word, switches] : due) {
    TRY(slots_.commit_together(switches));
    for (const DueSwitch& one : switches) {
      log::info("slot " + one.slot_class + ": committed");
      TRY(waiting_.remove(one.slot_class));
    }
  }
  return {};
}

// A slot that must be committed keeps its record until it was; another that fails has said why, and is not asked again.
Result<> SharedSwitches::commit_due() {
  TRY(commit_due_together());
  for (const auto& [slot_class, one] : TRY(waiting_.all())) {
    if (!one.due) continue;
    if (slots_.has(slot_class)) {
      auto done = slots_.commit({slot_class, one.content});
      if (!done && slots_.must_commit(slot_class)) return done;
      if (done) log::info("slot " + slot_class + ": committed");
      if (!done) log::error("slot " + slot_class + ": " + done.error().text());
    }
    TRY(waiting_.remove(slot_class));
  }
  return {};
}

Result<> SharedSwitches::commit() {
  TRY(waiting_.make_all_due());
  return commit_due();
}

Result<> SharedSwitches::abandon() {
  TRY(commit_due());
  for (const auto& [slot_class, one] : TRY(waiting_.all())) {
    if (slots_.has(slot_class)) {
      if (auto done = slots_.give_up(slot_class); !done) log::error("slot " + slot_class + ": " + done.error().text());
    }
    TRY(waiting_.remove(slot_class));
  }
  return {};
}

}  // namespace aloft::agent
