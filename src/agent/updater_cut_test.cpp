// The power-cut test: whole updates on a simulated device, with the power cut at every write and flush of slots, state partition and
// boot environment, whatever becomes of unflushed writes; then the boot loader's walk and the real code until the device has settled.
#include <gtest/gtest.h>

#include <cstdio>
#include <ostream>

#include "agent/test_machine.hpp"
#include "base/log.hpp"

namespace aloft::agent {
namespace {

using storage::PowerLost;
using storage::Unflushed;
using test::Character;
using test::Fate;
using test::Hardware;
using test::Session;
using update::Phase;

constexpr unsigned kTries = 3;
constexpr unsigned kMostBoots = 24;

const test::Releases& releases() {
  static const test::Releases all;
  return all;
}

// One device living through one deployment, and what it may never do.
class Life {
 public:
  Life(const boot::test::NamedLoader& loader, std::string version) : hardware(releases(), loader), offered_(std::move(version)) {}
  Hardware hardware;

  // Until the device has nothing left to do. Power cuts from the plan: each at so many operations after the power came (back) on.
  void live(const std::vector<std::uint64_t>& cuts, Fate fate) {
    hardware.fate = fate;
    plan_next_cut(cuts);
    for (unsigned boots = 0; boots < kMostBoots && !::testing::Test::HasFailure(); ++boots) {
      try {
        if (boot_once()) return;
      } catch (const PowerLost&) {
        ++cuts_;
        hardware.power_on();
        plan_next_cut(cuts);
      }
    }
    ADD_FAILURE() << "the device has not settled after " << kMostBoots << " boots";
  }

  const update::State& outcome() const { return outcome_; }
  const std::string& running() const { return running_; }
  std::uint64_t cuts() const { return cuts_; }
  void deploy_again(const std::string& version) {
    offered_ = version;
    ++deployment_;
    boots_on_trial_ = 0;
  }

 private:
  void plan_next_cut(const std::vector<std::uint64_t>& cuts) { hardware.power.cut_at(cuts_ < cuts.size() ? cuts[cuts_] : 0); }

  // Whatever the boot loader might choose, now or should another slot fail, holds a complete release.
  void check_bootable_slots() {
    for (const boot::SlotState& slot : test::must(hardware.loader->control()->read()).order) {
      if (slot.health != boot::SlotHealth::bad) {
        EXPECT_NE(hardware.held(slot.name), nullptr) << slot.name << " may be booted, but holds no complete release";
      }
    }
  }

  // True once nothing is left to do.
  bool boot_once() {
    check_bootable_slots();
    const auto group = hardware.choose();
    if (!group) {
      ADD_FAILURE() << "no slot can be booted";
      return true;
    }
    const test::Release* release = hardware.held(*group);
    if (!release) {
      ADD_FAILURE() << "the boot loader chose " << *group << ", which holds no complete release";
      return true;
    }
    running_ = release->version;
    check_boot(*release);
    if (release->character == Character::panics) return false;
    Session session(hardware, *group, std::to_string(++boot_id_));
    run(session);
    check_session(session);
    if (session.rebooting()) return false;
    outcome_ = session.updater().status().state;
    EXPECT_TRUE(is_at_rest(outcome_.phase)) << to_string(outcome_.phase);
    return true;
  }

  void run(Session& session) {
    ASSERT_TRUE(session.updater().start());
    session.updater().run();
    if (session.rebooting()) return;
    ASSERT_TRUE(session.updater().offer(offered_, deployment_));
    session.updater().run();
  }

  void check_boot(const test::Release& release) {
    if (!committed_.empty()) {
      EXPECT_EQ(release.version, committed_) << "what was committed does not run";
    } else if (release.version == offered_) {
      // The boot loader does not flush its counting: a cut may take back what was counted since the last flush.
      EXPECT_LE(++boots_on_trial_, most_tries() * (1 + cuts_)) << "an uncommitted release is booted too often";
    }
  }

  unsigned most_tries() const { return std::min(kTries, hardware.loader->control()->max_tries()); }

  void check_session(Session& session) {
    for (const update::State& state : session.told()) {
      if (state.phase == Phase::committed && state.deployment == deployment_) committed_ = state.version;
      if (state.phase == Phase::committed) {
        EXPECT_EQ(state.version, running_) << "reported as committed, but it does not run";
      }
      if (state.phase == Phase::rolled_back && state.deployment == deployment_) {
        EXPECT_NE(running_, offered_) << "reported as rolled back, but it runs";
      }
    }
    const auto floor = update::read_floor(hardware.files);
    ASSERT_TRUE(floor);
    EXPECT_GE(*floor, floor_) << "the floor fell";
    EXPECT_LE(*floor, 10U + static_cast<unsigned>(running_[0] - '0')) << "the floor is above what runs";
    floor_ = *floor;
  }

  std::string offered_;
  std::uint64_t deployment_ = 1;
  std::uint64_t cuts_ = 0;
  std::uint64_t boot_id_ = 0;
  std::uint64_t boots_on_trial_ = 0;
  std::uint64_t floor_ = 11;
  std::string running_;
  std::string committed_;
  update::State outcome_;
};

struct Story {
  const char* name;
  const char* version;
  Phase end;
};
void PrintTo(const Story& story, std::ostream* out) { *out << story.name; }

constexpr Story kStories[] = {
    {"Good", "2", Phase::committed},
    {"Unhealthy", "3-unhealthy", Phase::rolled_back},
    {"Panics", "3-panics", Phase::rolled_back},
    {"NoKernel", "3-no-kernel", Phase::rolled_back},
};

class PowerCut : public ::testing::TestWithParam<std::tuple<boot::test::NamedLoader, Story>> {
 protected:
  static const boot::test::NamedLoader& loader() { return std::get<0>(GetParam()); }
  static const Story& story() { return std::get<1>(GetParam()); }
  void SetUp() override { log::set_level(log::Level::error); }

  // The device settled where the story ends, and still takes a good update.
  void check_end(Life& life) {
    if (HasFailure()) return;
    EXPECT_EQ(life.outcome().phase, story().end) << life.outcome().message;
    EXPECT_EQ(life.running(), story().end == Phase::committed ? story().version : "1");
    if (story().end == Phase::committed) return;
    life.deploy_again("2");
    life.live({}, {.unflushed = Unflushed::kept});
    if (HasFailure()) return;
    EXPECT_EQ(life.outcome().phase, Phase::committed) << life.outcome().message;
    EXPECT_EQ(life.running(), "2");
  }

  std::uint64_t operations() {
    Life life(loader(), story().version);
    const std::uint64_t before = life.hardware.power.operations();
    life.live({}, {.unflushed = Unflushed::kept});
    const std::uint64_t count = life.hardware.power.operations() - before;
    check_end(life);
    return count;
  }

  void cut(const std::vector<std::uint64_t>& cuts, Fate fate) {
    Life life(loader(), story().version);
    life.live(cuts, fate);
    total_cuts_ += life.cuts();
    check_end(life);
    if (!HasFailure()) return;
    for (const std::uint64_t at : cuts) std::fprintf(stderr, "power cut at operation %llu\n", static_cast<unsigned long long>(at));
    std::fprintf(stderr, "unflushed writes: %d, seed %llu\n", static_cast<int>(fate.unflushed), static_cast<unsigned long long>(fate.seed));
  }

  std::uint64_t total_cuts_ = 0;
};

TEST_P(PowerCut, AtEveryOperation) {
  const std::uint64_t count = operations();
  for (std::uint64_t at = 1; at <= count && !HasFailure(); ++at) {
    cut({at}, {Unflushed::lost, 0});
    cut({at}, {Unflushed::kept, 0});
    for (std::uint64_t seed = 1; seed <= 4; ++seed) cut({at}, {Unflushed::random, seed * 1000 + at});
  }
  std::printf("%s, %s: %llu operations, %llu power cuts\n", loader().name, story().name, static_cast<unsigned long long>(count),
              static_cast<unsigned long long>(total_cuts_));
}

TEST_P(PowerCut, AndAgainWhileMending) {
  const std::uint64_t count = operations();
  // Every pair for the first boot loader; with the others some are left out, since what differs is enumerated by boot_cut_test.cpp.
  const std::uint64_t step = std::string_view(loader().name) == boot::test::kLoaders[0].name ? 1 : 5;
  for (std::uint64_t first = 1; first <= count && !HasFailure(); first += step) {
    for (std::uint64_t second = 1; second <= count && !HasFailure(); second += 2) {
      cut({first, second}, {Unflushed::random, first * 1000 + second});
    }
  }
  std::printf("%s, %s: %llu power cuts in pairs\n", loader().name, story().name, static_cast<unsigned long long>(total_cuts_));
}

INSTANTIATE_TEST_SUITE_P(Stories, PowerCut, ::testing::Combine(::testing::ValuesIn(boot::test::kLoaders), ::testing::ValuesIn(kStories)),
                         [](const auto& tested) { return std::string(std::get<0>(tested.param).name) + std::get<1>(tested.param).name; });

}  // namespace
}  // namespace aloft::agent
