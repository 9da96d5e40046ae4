// What a commit asks for, and what becomes of it where it cannot be done at once.
#include <gtest/gtest.h>

#include <thread>

#include "agent/test_bench.hpp"
#include "base/errors.hpp"
#include "bundle/errors.hpp"
#include "storage/errors.hpp"
#include "update/errors.hpp"

namespace aloft::agent {
namespace {

using test::must;
using test::UpdaterTest;
using update::Phase;

class UnfinishedCommit : public UpdaterTest {
 protected:
  // Release 2 is committed while the floor cannot be written. Meanwhile somebody installs another, and there is room again once that is
  // opened.
  void commit_and_offer(const char* next) {
    boot("A");
    install("2", 5);
    ASSERT_TRUE(switches_.written("loader", {}));
    bench_.switches = &switches_;
    boot("B");
    bench_.files.full_for = "floor.";
    unsigned pauses = 0;
    bench_.while_pausing = [&] {
      if (++pauses == 1) {
        EXPECT_TRUE(updater_->offer(next, 0));
      }
      if (updater_->status().state.phase == Phase::accepted) bench_.files.full_for.clear();
    };
    updater_->health_result({true, ""});
    updater_->run();
    bench_.while_pausing = nullptr;
  }

  // The same without trouble; from then on shared slots wait.
  void commit_in_order() {
    boot("A");
    install("2", 5);
    boot("B");
    updater_->health_result({true, ""});
    updater_->run();
    bench_.switches = &switches_;
  }

  test::BenchSharedSlots slots_;
  SharedSwitches switches_{bench_.files, slots_};
};

TEST_F(UnfinishedCommit, TheFloorIsRaisedBeforeTheNextUpdateIsJudged) {
  commit_and_offer("1");
  EXPECT_EQ(phase(), Phase::failed);
  EXPECT_EQ(error(), bundle::kBelowFloor.number);
  EXPECT_EQ(must(update::read_floor(bench_.files)), 12U);
  EXPECT_EQ(first().name, "B");
}

TEST_F(UnfinishedCommit, AFloorThatCannotBeRaisedEndsTheNextUpdateOnlyAndIsTrouble) {
  boot("A");
  install("2", 5);
  boot("B");
  bench_.files.full_for = "floor.";
  updater_->health_result({true, ""});
  updater_->run();
  EXPECT_EQ(phase(), Phase::committed);
  ASSERT_TRUE(updater_->status().trouble);
  EXPECT_EQ(updater_->status().trouble->code.number, kNoSpace.number);
  EXPECT_FALSE(updater_->offer("4", 6));
  bench_.files.full_for.clear();
  std::jthread serving([&](const std::stop_token& stop) { updater_->serve(stop); });
  updater_->mend();
  bool offered = false;
  for (int patience = 0; phase() != Phase::rebooting && patience < 10'000; ++patience) {
    offered = offered || updater_->offer("4", 6);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  serving.request_stop();
  serving.join();
  EXPECT_EQ(phase(), Phase::rebooting);
  EXPECT_FALSE(updater_->status().trouble);
  EXPECT_EQ(must(update::read_floor(bench_.files)), 12U);
}

// What the server is told has failed is not tried again.
TEST_F(UnfinishedCommit, ADeploymentThatIsOfferedBeforeTheTroubleIsKnownWaits) {
  boot("A");
  install("2", 5);
  boot("B");
  bench_.files.full_for = "floor.";
  unsigned taken = 0;
  bench_.while_pausing = [&] { taken += updater_->offer("4", 6) ? 1U : 0U; };
  updater_->health_result({true, ""});
  updater_->run();
  for (unsigned starts = 0; starts < 2; ++starts) {
    EXPECT_EQ(phase(), Phase::committed);
    EXPECT_TRUE(updater_->status().trouble);
    EXPECT_EQ(bench_.told.back(), Phase::committed) << "nothing of the deployment is told";
    EXPECT_EQ(bench_.troubles, 2 * taken) << "whoever offered is asked to look again";
    boot("B");
  }
  EXPECT_EQ(taken, 3U) << "at the commit and at each start";
  bench_.while_pausing = nullptr;
  bench_.files.full_for.clear();
  boot("B");
  install("4", 6);
  EXPECT_EQ(phase(), Phase::rebooting);
}

TEST_F(UnfinishedCommit, ALocalInstallThatFailedBehindItDoesNotHideItFromTheNextStart) {
  boot("A");
  install("2", 5);
  boot("B");
  bench_.files.full_for = "floor.";
  unsigned offers = 0;
  bench_.while_pausing = [&] {
    if (++offers == 1) {
      EXPECT_TRUE(updater_->offer("4", 0));
    }
  };
  updater_->health_result({true, ""});
  updater_->run();
  bench_.while_pausing = nullptr;
  EXPECT_EQ(phase(), Phase::failed);
  boot_into_trouble("B", kNoSpace);
  EXPECT_EQ(updater_->offer("4", 6).error().code.number, kNoSpace.number) << "it waits, and has not failed";
  EXPECT_EQ(phase(), Phase::failed);
  EXPECT_EQ(updater_->status().state.deployment, 0U);
  bench_.files.full_for.clear();
  boot("B");
  EXPECT_FALSE(updater_->status().trouble);
  install("4", 6);
  EXPECT_EQ(phase(), Phase::rebooting);
}

TEST_F(UnfinishedCommit, WhatSharedSlotsWaitForIsNotForgotten) {
  commit_and_offer("4");
  EXPECT_EQ(phase(), Phase::rebooting);
  EXPECT_EQ(slots_.switched, std::vector<std::string>{"loader"});
  EXPECT_TRUE(slots_.given_up.empty());
}

TEST_F(UnfinishedCommit, ASlotThatRefusesForGoodKeepsOnlyUpdatesAwayThatWriteIt) {
  slots_.errors = {{"loader", storage::kEmmcRefuses}};
  commit_in_order();
  ASSERT_TRUE(switches_.written("loader", {}));
  boot("B");
  EXPECT_FALSE(updater_->status().trouble);
  install("4", 6);
  EXPECT_EQ(phase(), Phase::rebooting);
  ASSERT_EQ(updater_->status().refused.size(), 1U);
  EXPECT_EQ(problem_of(updater_->status())->code.number, update::kSlotRefuses.number);
}

TEST_F(UnfinishedCommit, AnUpdateThatWritesASlotThatRefusesWaitsUntilItNoLongerDoes) {
  commit_in_order();
  ASSERT_TRUE(switches_.written("boot", {}));
  slots_.errors = {{"boot", storage::kEmmcRefuses}};
  boot("B");
  EXPECT_EQ(updater_->status().refused.size(), 1U);
  install("4", 6);
  EXPECT_EQ(phase(), Phase::deferred);
  EXPECT_EQ(error(), update::kSlotRefuses.number);
  EXPECT_EQ(bench_.written_groups, std::set<std::string>{"B"});
  boot("B");
  EXPECT_EQ(phase(), Phase::deferred);
  slots_.errors.clear();
  updater_->accept();
  updater_->run();
  EXPECT_EQ(phase(), Phase::rebooting);
  EXPECT_EQ(slots_.switched, std::vector<std::string>{"boot"});
  EXPECT_TRUE(updater_->status().refused.empty());
}

TEST_F(UnfinishedCommit, WhatIsRefusedIsTriedAgainWhenSomebodyAsks) {
  commit_in_order();
  ASSERT_TRUE(switches_.written("loader", {}));
  slots_.errors = {{"loader", storage::kEmmcRefuses}};
  boot("B");
  ASSERT_EQ(updater_->status().refused.size(), 1U);
  slots_.errors.clear();
  std::jthread serving([&](const std::stop_token& stop) { updater_->serve(stop); });
  updater_->mend();
  for (int patience = 0; !updater_->status().refused.empty() && patience < 10'000; ++patience)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  serving.request_stop();
  serving.join();
  EXPECT_TRUE(updater_->status().refused.empty());
  EXPECT_EQ(slots_.switched, std::vector<std::string>{"loader"});
}

TEST_F(UnfinishedCommit, WhatAnUpdateThatFailedLeftInASharedSlotIsNotSwitchedTo) {
  commit_in_order();
  bench_.slot_is_gone = true;
  install("4", 6);
  ASSERT_EQ(phase(), Phase::failed);
  ASSERT_TRUE(switches_.written("loader", {}));
  bench_.slot_is_gone = false;
  install("4", 7);
  EXPECT_EQ(phase(), Phase::rebooting);
  EXPECT_TRUE(slots_.switched.empty());
  EXPECT_EQ(slots_.given_up, std::vector<std::string>{"loader"});
}

TEST_F(UnfinishedCommit, WhatIsBeingInstalledIsNotSwitchedToWhenItGoesOn) {
  commit_in_order();
  bench_.held = 6;
  install("4", 6);
  ASSERT_EQ(phase(), Phase::deferred);
  ASSERT_TRUE(switches_.written("loader", {}));
  bench_.held = 0;
  boot("B");
  EXPECT_EQ(phase(), Phase::rebooting);
  EXPECT_TRUE(slots_.switched.empty());
}

}  // namespace
}  // namespace aloft::agent
