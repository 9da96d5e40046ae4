// Every change of every boot loader's state, cut at each write and flush, with every fate of what was not flushed, and again in the call
// that makes up for it: the old or the new state stands, and the boot loader always finds a slot that may be booted.
#include <gtest/gtest.h>

#include <cstdio>
#include <ostream>

#include "agent/test_machine.hpp"

namespace aloft::agent {
namespace {

using storage::PowerLost;
using storage::Unflushed;

using Change = Result<> (*)(boot::BootControl& control);
struct Case {
  const char* name;
  Change before;  // makes the state that is changed
  Change change;
};
void PrintTo(const Case& tested, std::ostream* out) { *out << tested.name; }

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

constexpr Case kCases[] = {
    {"Arm", nothing, arm},
    {"Commit", arm, commit},
    {"MarkBad", arm, mark_bad},
    {"MarkCommittedBad", commit, mark_bad},
    {"ArmAnother", commit, arm_other},
    {"Confirm", arm, confirm},
    {"RetireOld", commit, mark_old_bad},
    {"Examine", arm, examine},
};

// One device up to the change.
class Machine {
 public:
  Machine(const boot::test::NamedLoader& boots, const Case& tested) : loader(boots.make(storage, slots(boots))) {
    const auto control = loader->control();
    succeed(control->rebuild("A"));
    succeed(tested.before(*control));
    if (tested.change != confirm) return;
    loader->boot([](const std::string& slot) { return slot == "A"; });  // a counter that may have gone down
    std::uint64_t seed = 0;
    storage.power_on({Unflushed::kept, 0}, seed);
  }
  static std::vector<std::string> slots(const boot::test::NamedLoader& boots) {
    std::vector<std::string> all{"A", "B", "C"};
    all.resize(boots.most_slots);
    return all;
  }
  // As the boot loader would take it: what may be booted, in order.
  std::string state() {
    std::string text;
    const auto state = loader->control()->read();
    if (!state) return state.error().text();
    for (const boot::SlotState& slot : state->order) {
      if (slot.health == boot::SlotHealth::bad) continue;
      text += slot.name + (slot.health == boot::SlotHealth::committed ? ":good " : ":" + std::to_string(slot.tries_left) + " ");
    }
    return text;
  }
  // The change, cut at an operation of it (0: not at all). True when it was cut.
  bool change(const Case& tested, std::uint64_t at, const test::Fate& fate) {
    power.cut_at(at);
    try {
      succeed(tested.change(*loader->control()));
    } catch (const PowerLost&) {
      std::uint64_t seed = fate.seed;
      storage.power_on(fate, seed);
      return true;
    }
    power.cut_at(0);
    return false;
  }

  static void succeed(const Result<>& result) {
    if (!result) ADD_FAILURE() << result.error().text();
  }

  storage::Power power;
  test::SimBootStorage storage{power};
  std::unique_ptr<boot::test::TestLoader> loader;
};

class BootCut : public ::testing::TestWithParam<std::tuple<boot::test::NamedLoader, Case>> {
 protected:
  static const boot::test::NamedLoader& loader() { return std::get<0>(GetParam()); }
  static const Case& tested() { return std::get<1>(GetParam()); }
  static std::vector<test::Fate> fates(std::uint64_t salt) {
    std::vector<test::Fate> all{{Unflushed::lost, 0}, {Unflushed::kept, 0}};
    for (std::uint64_t seed = 1; seed <= 8; ++seed) all.push_back({Unflushed::random, seed * 1000 + salt});
    return all;
  }
  void SetUp() override {
    Machine machine(loader(), tested());
    old_ = machine.state();
    const std::uint64_t before = machine.power.operations();
    EXPECT_FALSE(machine.change(tested(), 0, {}));
    operations_ = machine.power.operations() - before;
    new_ = machine.state();
  }
  void check(Machine& machine, bool done) {
    ++states_;
    const std::string state = machine.state();
    if (done) {
      EXPECT_EQ(state, new_);
    } else {
      EXPECT_TRUE(state == old_ || state == new_) << state << "; was " << old_ << "; to be " << new_;
    }
    const auto booted = machine.loader->boot([](const std::string&) { return true; });
    ASSERT_TRUE(booted) << "nothing can be booted";
    EXPECT_TRUE(old_.contains(*booted + ":") || new_.contains(*booted + ":")) << *booted << " was booted";
  }
  std::string old_;
  std::string new_;
  std::uint64_t operations_ = 0;
  std::uint64_t states_ = 0;
};

TEST_P(BootCut, OnceOldOrNew) {
  for (std::uint64_t at = 1; at <= operations_; ++at) {
    for (const test::Fate& fate : fates(at)) {
      Machine machine(loader(), tested());
      ASSERT_TRUE(machine.change(tested(), at, fate));
      check(machine, false);
    }
  }
  std::printf("%s, %s: %llu operations, %llu crash states\n", loader().name, tested().name, static_cast<unsigned long long>(operations_),
              static_cast<unsigned long long>(states_));
}

TEST_P(BootCut, TwiceInARowOldOrNewAndThenDone) {
  for (std::uint64_t first = 1; first <= operations_; ++first) {
    for (std::uint64_t second = 1; second <= operations_ + 2; ++second) {
      for (const test::Fate& fate : fates(first * 100 + second)) {
        Machine machine(loader(), tested());
        ASSERT_TRUE(machine.change(tested(), first, fate));
        const bool cut = machine.change(tested(), second, {fate.unflushed, fate.seed + 7});
        if (cut) {
          const std::string state = machine.state();
          EXPECT_TRUE(state == old_ || state == new_) << state;
          ++states_;
          ASSERT_FALSE(machine.change(tested(), 0, fate));
        }
        check(machine, true);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Changes, BootCut, ::testing::Combine(::testing::ValuesIn(boot::test::kLoaders), ::testing::ValuesIn(kCases)),
                         [](const auto& tested) { return std::string(std::get<0>(tested.param).name) + std::get<1>(tested.param).name; });

}  // namespace
}  // namespace aloft::agent
