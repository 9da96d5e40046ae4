#include "agent/known_good.hpp"

#include <gtest/gtest.h>

namespace aloft::agent {
namespace {

using update::Phase;
using update::State;

State of(Phase phase, const std::string& target, const std::string& via = "") {
  State state;
  state.phase = phase;
  state.target = target;
  state.via = via;
  return state;
}

struct Case {
  const char* what;
  Standing standing;
  bool chosen_as_trial;
  std::vector<State> history;  // the last is the state
  bool good;
};

TEST(KnownGood, GoesByTheBootStateAndWhereThereIsNoneByTheJournal) {
  const State committed = of(Phase::committed, "B");
  const State idle;
  const Case cases[] = {
      {"the boot state says so", Standing::committed, true, {idle}, true},
      {"the boot state says otherwise than the journal", Standing::on_trial, false, {committed}, false},
      {"no boot loader has said a trial", Standing::supposed_good, false, {idle}, true},
      {"journal and boot state are lost", Standing::supposed_good, true, {idle}, false},
      {"the last was committed", Standing::supposed_good, true, {committed}, true},
      {"the last failed before it knew a target", Standing::supposed_good, true, {committed, of(Phase::failed, "")}, true},
      {"the last failed for the other group", Standing::supposed_good, true, {committed, of(Phase::failed, "A")}, true},
      {"another is being installed", Standing::supposed_good, true, {committed, of(Phase::installing, "A")}, true},
      {"another was committed before", Standing::supposed_good, true, {of(Phase::committed, "A"), committed}, true},
      {"only the other was committed", Standing::supposed_good, true, {of(Phase::committed, "A")}, false},
      {"it was written since", Standing::supposed_good, true, {committed, of(Phase::failed, "B")}, false},
      {"it was written since, and another failed",
       Standing::supposed_good,
       true,
       {committed, of(Phase::failed, "B"), of(Phase::failed, "A")},
       false},
      {"a recovery system started again",
       Standing::supposed_good,
       true,
       {of(Phase::committed, "B", "B"), of(Phase::failed, "A", "B")},
       false},
  };
  const SystemFacts facts{.booted_group = "B", .boot_id = {}, .version = {}, .machine_id = {}, .systemd = false, .chosen_as_trial = false};
  for (const Case& one : cases) {
    SystemFacts said = facts;
    said.chosen_as_trial = one.chosen_as_trial;
    UpdateStatus now;
    now.state = one.history.back();
    now.standing = one.standing;
    EXPECT_EQ(is_known_good(now, one.history, said), one.good) << one.what;
    const std::vector<State> recorded(one.history.begin(), one.history.end() - 1);
    EXPECT_EQ(is_known_good(now, recorded, said), one.good) << one.what << ", where the state could not be recorded";
  }
}

}  // namespace
}  // namespace aloft::agent
