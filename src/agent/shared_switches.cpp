#include "agent/shared_switches.hpp"

#include <algorithm>
#include <utility>

#include "base/errors.hpp"
#include "base/log.hpp"
#include "storage/errors.hpp"

namespace aloft::agent {

namespace {

bool is_lost(const Error& why) { return why.code.number == storage::kSwitchContent.number; }
bool may_pass(const Error& why) { return why.code.kind == ErrorKind::retry; }

}  // namespace

// A damaged file would be damaged at each attempt.
Result<std::map<std::string, WaitingSwitch>> SharedSwitches::known() {
  auto all = waiting_.all();
  if (all || all.error().code.number != kBadJson.number) return all;
  TRY(waiting_.forget_all());
  lost_ = RefusedSwitch{.slot_class = "", .error = kBadJson.number, .message = all.error().message + "; install the last bundle again"};
  log::error(told(*lost_).text());
  return std::map<std::string, WaitingSwitch>();
}

Result<> SharedSwitches::written(const std::string& slot_class, const storage::Waiting& content) {
  TRY(known());
  return waiting_.add(slot_class, content);
}

// What may pass is an outcome, of several the first: somebody tries again for it.
Result<> SharedSwitches::settle(const std::string& slot_class, const Result<>& done, Lost lost, Result<>& outcome) {
  if (done) {
    log::info("slot " + slot_class + ": committed");
    return waiting_.remove(slot_class);
  }
  log::error("slot " + slot_class + ": keeps what it has: " + done.error().text());
  if (lost == Lost::is_given_up && is_lost(done.error())) return waiting_.remove(slot_class);
  if (!may_pass(done.error())) return waiting_.note(slot_class, done.error());
  if (outcome) outcome = done;
  return {};
}

Result<> SharedSwitches::commit_due_together(Lost lost, Result<>& outcome) {
  std::map<std::string, std::vector<DueSwitch>> due;
  for (const auto& [slot_class, one] : TRY(known())) {
    if (!one.due || !slots_.has(slot_class)) continue;
    if (const std::string word = slots_.together(slot_class); !word.empty()) due[word].push_back({slot_class, one.content});
  }
  for (const auto& [word, switches] : due) {
    const auto done = slots_.commit_together(switches);
    for (const DueSwitch& one : switches) TRY(settle(one.slot_class, done, lost, outcome));
  }
  return {};
}

// A slot that must be committed keeps its record until it was; another that fails has said why, and is not asked again. None keeps others
// waiting: the system that runs was committed with all of them.
Result<> SharedSwitches::commit_due(Lost lost) {
  Result<> outcome;
  TRY(commit_due_together(lost, outcome));
  for (const auto& [slot_class, one] : TRY(known())) {
    if (!one.due) continue;
    if (slots_.has(slot_class)) {
      if (!slots_.together(slot_class).empty()) continue;  // it failed
      const auto done = slots_.commit({slot_class, one.content});
      if (done || slots_.must_commit(slot_class)) {
        TRY(settle(slot_class, done, lost, outcome));
        continue;
      }
      log::error("slot " + slot_class + ": " + done.error().text());
    }
    TRY(waiting_.remove(slot_class));
  }
  return outcome;
}

Result<> SharedSwitches::commit() {
  TRY(known());
  TRY(waiting_.make_all_due());
  return make_up();
}

Result<> SharedSwitches::make_up() { return commit_due(Lost::is_kept); }

Result<> SharedSwitches::abandon() {
  lost_.reset();
  TRY(commit_due(Lost::is_given_up));
  for (const auto& [slot_class, one] : TRY(known())) {
    if (one.due) continue;
    if (slots_.has(slot_class)) {
      if (auto done = slots_.give_up(slot_class); !done) log::error("slot " + slot_class + ": " + done.error().text());
    }
    TRY(waiting_.remove(slot_class));
  }
  return {};
}

std::vector<RefusedSwitch> SharedSwitches::refused() {
  std::vector<RefusedSwitch> refused;
  const auto all = known();
  if (!all) log::warning(all.error().text());
  if (lost_) refused.push_back(*lost_);
  if (!all) return refused;
  for (const auto& [slot_class, one] : *all)
    if (one.due && one.error != 0) refused.push_back({slot_class, one.error, one.message});
  return refused;
}

std::optional<RefusedSwitch> SharedSwitches::refusal_of(const std::string& slot_class) {
  const auto word_of = [this](const std::string& name) { return slots_.has(name) ? slots_.together(name) : std::string(); };
  const std::string word = word_of(slot_class);
  for (RefusedSwitch& refused : this->refused()) {
    if (refused.slot_class.empty() || refused.error == storage::kSwitchContent.number) continue;
    if (refused.slot_class == slot_class || (!word.empty() && word_of(refused.slot_class) == word)) return std::move(refused);
  }
  return std::nullopt;
}

}  // namespace aloft::agent
