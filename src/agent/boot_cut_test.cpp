// Every change of every boot loader's state, cut at each write and flush, with every outcome of what was not flushed, and again in the call
// that makes up for it: the old or the new state stands, and the boot loader always finds a slot that may be booted.
#include <gtest/gtest.h>

#include <cstdio>
#include <ostream>
#include <tuple>
#include <vector>

#include "agent/test_hardware.hpp"

namespace aloft::agent {
namespace {

using Change = Result<> (*)(boot::BootControl& control);
struct BootChange {
  const char* name;
  Change before;  // makes the state that is changed
  Change change;
};
void PrintTo(const BootChange& tested, std::ostream* out) { *out << tested.name; }

unsigned tries(const boot::BootControl& control) { return std::min(3U, control.max_tries()); }
Result<> nothing(boot::BootControl&) { return {}; }
Result<> arm(boot::BootControl& control) { return control.arm("B", tries(control)); }
Result<> commit(boot::BootControl& control) { return control.commit("B"); }
// The third slot, or the first where there are but two.
Result<> arm_other(boot::BootControl& control) {
  const boot::BootState state = TRY(control.read());
  return control.arm(state.order.size() > 2 ? "C" : "A", 1);
}
Result<> mark_bad(boot::BootControl& control) { return control.mark_bad("B"); }
Result<> mark_old_bad(boot::BootControl& control) { return control.mark_bad("A"); }
Result<> confirm(boot::BootControl& control) { return control.confirm("A"); }
Result<> examine(boot::BootControl& control) {
  TRY(control.examine(boot::Probe::rewrite));
  return {};
}

constexpr BootChange kBootChanges[] = {
    {"Arm", nothing, arm},
    {"Commit", arm, commit},
    {"MarkBad", arm, mark_bad},
    {"MarkCommittedBad", commit, mark_bad},
    {"ArmAnother", commit, arm_other},
    {"Confirm", arm, confirm},
    {"RetireOld", commit, mark_old_bad},
    {"Examine", arm, examine},
};

using Storage = test::SimBootStorage;

class BootCut : public ::testing::TestWithParam<std::tuple<boot::test::NamedLoader, BootChange>> {
 protected:
  static const BootChange& tested() { return std::get<1>(GetParam()); }
  static std::unique_ptr<boot::test::TestLoader> loader(Storage& storage) {
    const boot::test::NamedLoader& boots = std::get<0>(GetParam());
    std::vector<std::string> slots{"A", "B", "C"};
    slots.resize(std::min<std::size_t>(slots.size(), boots.most_slots));
    return boots.make(storage, slots);
  }
  static void succeed(const Result<>& result) {
    if (!result) ADD_FAILURE() << result.error().text();
  }
  // As the boot loader would take it: what may be booted, in order.
  static std::string state(Storage& storage) {
    std::string text;
    const auto state = loader(storage)->control()->read();
    if (!state) return state.error().text();
    for (const boot::SlotState& slot : state->order) {
      if (slot.health == boot::SlotHealth::bad) continue;
      text += slot.name + (slot.health == boot::SlotHealth::committed ? ":good " : ":" + std::to_string(slot.tries_left) + " ");
    }
    return text;
  }
  static Storage changed(Storage storage) {
    succeed(tested().change(*loader(storage)->control()));
    return storage;
  }
  void SetUp() override {
    const auto control = loader(first_)->control();
    succeed(control->rebuild("A"));
    succeed(tested().before(*control));
    if (tested().change == confirm) {
      loader(first_)->boot([](const std::string& slot) { return slot == "A"; });  // a counter that may have gone down
      test::settle_kept(first_.media());
    }
    old_ = state(first_);
    Storage done = changed(first_);
    new_ = state(done);
  }

  // Every state that a power cut during the change may leave.
  std::vector<Storage> cut(const Storage& from) {
    std::vector<Storage> moments;
    Storage storage(from);
    power_.watch([&] { moments.push_back(storage); });
    succeed(tested().change(*loader(storage)->control()));
    power_.watch(nullptr);
    std::vector<Storage> left;
    for (Storage& moment : moments) {
      for (const test::Outcome& outcome : test::outcomes(moment.media(), test::Effort::thorough)) {
        left.emplace_back(moment);
        test::settle(left.back().media(), outcome, test::Effort::thorough, left.size());
        check_either(left.back());
      }
    }
    states_ += left.size();
    return left;
  }
  void check_either(Storage storage) {
    const std::string found = state(storage);
    EXPECT_TRUE(found == old_ || found == new_) << found << "; was " << old_ << "; to be " << new_;
    const auto booted = loader(storage)->boot(boot::test::always);
    ASSERT_TRUE(booted) << "nothing can be booted";
    EXPECT_TRUE(old_.contains(*booted + ":") || new_.contains(*booted + ":")) << *booted << " was booted";
  }

  storage::Power power_;
  Storage first_{power_};
  std::string old_;
  std::string new_;
  std::uint64_t states_ = 0;
};

TEST_P(BootCut, OldOrNewAndThenDone) {
  for (const Storage& once : cut(first_)) {
    for (const Storage& twice : cut(once)) {
      Storage done = changed(twice);
      ASSERT_EQ(state(done), new_);
    }
    if (HasFailure()) break;
  }
  std::printf("%s, %s: %llu crash states\n", std::get<0>(GetParam()).name, tested().name, static_cast<unsigned long long>(states_));
}

INSTANTIATE_TEST_SUITE_P(Changes, BootCut, ::testing::Combine(::testing::ValuesIn(boot::test::kLoaders), ::testing::ValuesIn(kBootChanges)),
                         [](const auto& tested) { return std::string(std::get<0>(tested.param).name) + std::get<1>(tested.param).name; });

}  // namespace
}  // namespace aloft::agent
