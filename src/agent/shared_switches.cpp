#include "agent/shared_switches.hpp"

#include <utility>
#include <vector>

#include "base/log.hpp"
#include "storage/errors.hpp"

namespace aloft::agent {

namespace {

bool is_lost(const Result<>& done) { return !done && done.error().code.number == storage::kSwitchContent.number; }

// Of several errors the first, but before lost content any that may pass: nobody tries again for the other.
void note_failure(Result<>& outcome, const Result<>& failed) {
  const bool counts = outcome || (is_lost(outcome) && !is_lost(failed));
  const Result<> other = counts ? std::exchange(outcome, failed) : failed;
  if (!other) log::error("update: " + other.error().text());
}

}  // namespace

Result<> SharedSwitches::commit_due_together(Lost lost) {
  std::map<std::string, std::vector<DueSwitch>> due;
  for (const auto& [slot_class, one] : TRY(waiting_.all())) {
    if (!one.due || !slots_.has(slot_class)) continue;
    if (const std::string word = slots_.together(slot_class); !word.empty()) due[word].push_back({slot_class, one.content});
  }
  Result<> outcome;
  for (const auto& [word, switches] : due) {
    const auto done = slots_.commit_together(switches);
    if (!done && !(lost == Lost::is_given_up && is_lost(done))) {
      note_failure(outcome, done);
      continue;
    }
    for (const DueSwitch& one : switches) {
      if (done) log::info("slot " + one.slot_class + ": committed");
      if (!done) log::error("slot " + one.slot_class + ": keeps what it has: " + done.error().text());
      TRY(waiting_.remove(one.slot_class));
    }
  }
  return outcome;
}

// A slot that must be committed keeps its record until it was; another that fails has said why, and is not asked again. None keeps others
// waiting: the system that runs was committed with all of them.
Result<> SharedSwitches::commit_due(Lost lost) {
  Result<> outcome = commit_due_together(lost);
  for (const auto& [slot_class, one] : TRY(waiting_.all())) {
    if (!one.due) continue;
    if (slots_.has(slot_class)) {
      if (!slots_.together(slot_class).empty()) continue;  // it failed
      const auto done = slots_.commit({slot_class, one.content});
      const bool given_up = lost == Lost::is_given_up && is_lost(done);
      if (!done && !given_up && slots_.must_commit(slot_class)) {
        note_failure(outcome, done);
        continue;
      }
      if (done) log::info("slot " + slot_class + ": committed");
      if (!done) log::error("slot " + slot_class + ": " + done.error().text());
    }
    TRY(waiting_.remove(slot_class));
  }
  return outcome;
}

Result<> SharedSwitches::commit() {
  TRY(waiting_.make_all_due());
  return commit_due(Lost::is_an_error);
}

Result<> SharedSwitches::abandon() {
  TRY(commit_due(Lost::is_given_up));
  for (const auto& [slot_class, one] : TRY(waiting_.all())) {
    if (slots_.has(slot_class)) {
      if (auto done = slots_.give_up(slot_class); !done) log::error("slot " + slot_class + ": " + done.error().text());
    }
    TRY(waiting_.remove(slot_class));
  }
  return {};
}

}  // namespace aloft::agent
