#include "agent/updater.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "agent/test_bench.hpp"
#include "base/errors.hpp"
#include "boot/errors.hpp"
#include "bundle/errors.hpp"
#include "storage/errors.hpp"
#include "update/errors.hpp"

namespace aloft::agent {
namespace {

using test::kBootBytes;
using test::kRootfsBytes;
using test::must;
using test::releases;
using test::UpdaterTest;
using update::Phase;
using update::State;

TEST_F(UpdaterTest, InstallsRebootsProvesItselfAndCommits) {
  boot("A");
  install("2", 5);
  const std::vector<Phase> way = {Phase::offered,  Phase::accepted, Phase::downloading, Phase::installing,
                                  Phase::verified, Phase::armed,    Phase::rebooting};
  EXPECT_EQ(bench_.told, way);
  EXPECT_EQ(bench_.reboots, 1U);
  EXPECT_EQ(bench_.told_permille, 1000U);
  EXPECT_EQ(bench_.written_groups, std::set<std::string>{"B"});
  EXPECT_EQ(first().name, "B");
  EXPECT_EQ(first().tries_left, 3U);

  EXPECT_EQ(boot::walk(bench_.boot.state, [](const std::string&) { return true; }), "B");
  boot("B");
  EXPECT_EQ(bench_.trials, 1U);
  EXPECT_EQ(phase(), Phase::on_trial);
  updater_->health_result({true, ""});
  updater_->run();
  EXPECT_EQ(phase(), Phase::committed);
  EXPECT_EQ(first().health, boot::SlotHealth::committed);
  EXPECT_EQ(must(update::read_floor(bench_.files)), 12U);
  ASSERT_EQ(updater_->history().size(), 1U);
  EXPECT_EQ(updater_->history()[0].version, "2");
}

TEST_F(UpdaterTest, TheTimeOfACommitIsThatOfTheCommitWheneverItStartsAfterwards) {
  boot("A");
  install("2", 5);
  boot("B");
  bench_.clock.advance(std::chrono::hours(1));
  updater_->health_result({true, ""});
  updater_->run();
  const std::uint64_t committed_ms = updater_->history()[0].time_ms;
  EXPECT_EQ(committed_ms, static_cast<std::uint64_t>(bench_.clock.now().time_since_epoch().count()));
  bench_.clock.advance(std::chrono::hours(24));
  boot("B");
  EXPECT_EQ(phase(), Phase::committed);
  EXPECT_EQ(updater_->history()[0].time_ms, committed_ms);
}

TEST_F(UpdaterTest, ConfirmsTheBootOfACommittedSystemAndOfNoOther) {
  boot("A");
  EXPECT_EQ(bench_.boot.confirmed, std::vector<std::string>{"A"});
  install("2", 5);
  boot("B");
  boot("B");
  EXPECT_EQ(bench_.boot.confirmed.size(), 1U);
  updater_->health_result({true, ""});
  updater_->run();
  boot("B");
  EXPECT_EQ(bench_.boot.confirmed, (std::vector<std::string>{"A", "B"}));
}

TEST_F(UpdaterTest, ABootLoaderThatDoesNotCountIsNoticed) {
  const auto loads = [](const std::string&) { return true; };
  boot("A");
  install("2", 5);
  EXPECT_EQ(updater_->status().boot_warning, "");
  boot("B");  // and nobody has counted
  EXPECT_THAT(updater_->status().boot_warning, testing::StartsWith("E5005 not-counting: group B was armed with 3 tries"));
  updater_->health_result({true, ""});
  updater_->run();
  boot("B");
  EXPECT_NE(updater_->status().boot_warning, "") << "it stays, until a trial is counted";
  install("3-unhealthy", 6);
  ASSERT_EQ(boot::walk(bench_.boot.state, loads), "A");
  boot("A");
  EXPECT_EQ(updater_->status().boot_warning, "");
}

// What the daemon does: serves until the trouble is over, makes the offer, if any, and serves until the update waits for its reboot.
void mend_and_install(Updater& updater, const char* version) {
  std::jthread serving([&](const std::stop_token& stop) { updater.serve(stop); });
  const auto until = [](const auto& condition) {
    for (int patience = 0; !condition() && patience < 10'000; ++patience) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  updater.mend();
  until([&] { return !updater.status().trouble; });
  if (version != nullptr) {
    const auto offered = updater.offer(version, 5);
    EXPECT_TRUE(offered) << offered.error().text();
  }
  until([&] { return updater.status().state.phase == Phase::rebooting; });
}

TEST_F(UpdaterTest, BootStateThatCannotBeReadIsTroubleAndNoEnd) {
  bench_.boot.unreadable = true;
  boot_into_trouble("A", update::kBootStateUnreadable);
  ASSERT_TRUE(updater_->status().trouble);
  EXPECT_EQ(bench_.troubles, 1U);
  const auto refused = updater_->offer("2", 5);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code.number, update::kBootStateUnreadable.number);
  EXPECT_EQ(phase(), Phase::idle);
  bench_.boot.unreadable = false;
  mend_and_install(*updater_, "2");
  EXPECT_EQ(bench_.troubles, 2U);
  EXPECT_EQ(phase(), Phase::rebooting);
}

TEST_F(UpdaterTest, ATrialWhoseBootStateCannotBeReadIsJudgedAndGoesBackWhereItCannotBeKept) {
  boot("A");
  install("2", 5);
  bench_.boot.unreadable = true;
  boot_into_trouble("B", update::kBootStateUnreadable);
  EXPECT_EQ(phase(), Phase::on_trial);
  EXPECT_EQ(bench_.trials, 1U);
  updater_->health_result({true, ""});
  updater_->run();
  EXPECT_EQ(phase(), Phase::retreating);
  EXPECT_EQ(bench_.reboots, 2U);
}

TEST_F(UpdaterTest, ATrialWhoseBootStateComesBackIsKept) {
  boot("A");
  install("2", 5);
  bench_.boot.unreadable = true;
  boot_into_trouble("B", update::kBootStateUnreadable);
  bench_.boot.unreadable = false;
  updater_->health_result({true, ""});
  updater_->run();
  EXPECT_EQ(phase(), Phase::committed);
}

TEST_F(UpdaterTest, AStateFolderThatCannotBeWrittenIsTroubleUntilItCan) {
  bench_.files.full = true;
  boot_into_trouble("A", update::kStateUnwritable);
  EXPECT_EQ(updater_->offer("2", 0).error().code.number, update::kStateUnwritable.number);
  bench_.files.full = false;
  mend_and_install(*updater_, "2");
  EXPECT_EQ(phase(), Phase::rebooting);
}

TEST_F(UpdaterTest, AnUpdateUnderWayWaitsForTheStateFolderAndGoesOn) {
  boot("A");
  bench_.accept_at_once = false;
  install("2", 5);
  ASSERT_EQ(phase(), Phase::offered);
  bench_.accept_at_once = true;
  bench_.files.full = true;
  boot_into_trouble("A", update::kStateUnwritable);
  EXPECT_EQ(phase(), Phase::offered);
  bench_.files.full = false;
  mend_and_install(*updater_, nullptr);
  EXPECT_EQ(phase(), Phase::rebooting);
}

TEST_F(UpdaterTest, ADeploymentThatCannotBeRecordedIsNotTakenAndOfferedAgainLater) {
  boot("A");
  bench_.files.full = true;
  install("2", 5);
  EXPECT_EQ(phase(), Phase::idle);
  ASSERT_TRUE(updater_->status().trouble);
  EXPECT_EQ(updater_->status().trouble->code.number, update::kStateUnwritable.number);
  bench_.files.full = false;
  mend_and_install(*updater_, "2");
  EXPECT_EQ(phase(), Phase::rebooting);
}

TEST_F(UpdaterTest, ADamagedJournalIsBegunAnewAndTheRunningSystemKept) {
  boot("A");
  install("2", 5);
  boot("B");
  updater_->health_result({true, ""});
  updater_->run();
  std::string journal = must(bench_.files.read("journal")).value();
  journal[journal.find('\n') + 30] ^= 1;
  ASSERT_TRUE(bench_.files.replace("journal", journal));
  boot("B");
  EXPECT_EQ(phase(), Phase::idle);
  EXPECT_EQ(first().health, boot::SlotHealth::committed);
  EXPECT_EQ(must(bench_.files.read("journal.bad")), journal);
  EXPECT_EQ(bench_.reboots, 1U);
  install("2", 6);
  EXPECT_EQ(phase(), Phase::rebooting);
}

TEST_F(UpdaterTest, AnUnhealthySystemGoesBackAndSaysWhy) {
  boot("A");
  install("2", 5);
  boot("B");
  updater_->health_result({false, "10-network: no route"});
  updater_->run();
  EXPECT_EQ(bench_.reboots, 2U);
  boot("A");
  EXPECT_EQ(phase(), Phase::rolled_back);
  EXPECT_EQ(error(), update::kUnhealthy.number);
  EXPECT_EQ(updater_->status().state.message, "10-network: no route");
  EXPECT_EQ(must(update::read_floor(bench_.files)), 0U);
}

TEST_F(UpdaterTest, TellsAPanicFromAKernelThatDoesNotLoad) {
  boot("A");
  install("2");
  bench_.boot.state.order.front() = {"B", boot::SlotHealth::bad, 0};
  boot("A");
  EXPECT_EQ(phase(), Phase::rolled_back);
  EXPECT_EQ(error(), update::kTriesUsed.number);
  EXPECT_EQ(first().name, "A");

  install("2");
  bench_.boot.state.order.front().tries_left = 2;
  boot("A");
  EXPECT_EQ(phase(), Phase::rolled_back);
  EXPECT_EQ(error(), update::kNotBooted.number);
}

TEST_F(UpdaterTest, TellsAHangByTheReasonOfTheLastReset) {
  boot("A");
  install("2");
  bench_.boot.state.order.front() = {"B", boot::SlotHealth::bad, 0};
  bench_.reset_by_watchdog = true;
  boot("A");
  EXPECT_EQ(phase(), Phase::rolled_back);
  EXPECT_EQ(error(), update::kHung.number);
  EXPECT_NE(updater_->status().state.message.find("hardware watchdog"), std::string::npos);

  bench_.reset_by_watchdog = false;
  boot("A");
  EXPECT_EQ(error(), update::kHung.number) << "told once, it stays";
}

TEST_F(UpdaterTest, RefusesBeforeAnyWriteWhatDoesNotFit) {
  boot("A");
  bench_.slot_facts.erase("boot");
  install("2");
  EXPECT_EQ(error(), bundle::kNoSlot.number);
  bench_.slot_facts = {{"rootfs", {"raw", kRootfsBytes - 1}}, {"boot", {"raw", kBootBytes}}};
  install("2");
  EXPECT_EQ(error(), bundle::kSlotTooSmall.number);
  bench_.slot_facts = {{"rootfs", {"tree", kRootfsBytes, {"tar"}}}, {"boot", {"raw", kBootBytes}}};
  install("2");
  EXPECT_EQ(error(), bundle::kSlotType.number);
  ASSERT_TRUE(update::raise_floor(bench_.files, 100));
  install("2");
  EXPECT_EQ(error(), bundle::kBelowFloor.number);
  EXPECT_TRUE(bench_.written_groups.empty());
  EXPECT_EQ(phase(), Phase::failed);
}

TEST_F(UpdaterTest, NothingIsInstalledFromASystemThatIsItselfUncommitted) {
  bench_.boot.state.order = {{"B", boot::SlotHealth::trial, 2}, {"A", boot::SlotHealth::committed, 0}};
  boot("B");
  EXPECT_EQ(phase(), Phase::on_trial);
  EXPECT_EQ(updater_->offer("2", 0).error().code.number, update::kNotNow.number);
}

TEST_F(UpdaterTest, TheTargetIsOutOfTheBootOrderBeforeTheFirstWrite) {
  bench_.boot.state.order = {{"A", boot::SlotHealth::committed, 0}, {"B", boot::SlotHealth::committed, 0}};
  bench_.while_installing = [this] { EXPECT_EQ(bench_.boot.state.order[1].health, boot::SlotHealth::bad); };
  boot("A");
  install("2");
  EXPECT_EQ(phase(), Phase::rebooting);
}

TEST_F(UpdaterTest, TriesAgainAndThenGivesUp) {
  boot("A");
  bench_.opens_that_fail = 2;
  install("2");
  EXPECT_EQ(phase(), Phase::rebooting);
  EXPECT_EQ(bench_.opened, 3U);
}

TEST_F(UpdaterTest, GivesUpWhenItsSurroundingsDo) {
  boot("A");
  bench_.opens_that_fail = 3;
  install("2");
  EXPECT_EQ(phase(), Phase::failed);
  EXPECT_EQ(error(), kIo.number);
}

TEST_F(UpdaterTest, ABootStateThatCannotBeWrittenLeavesTheOldSystem) {
  boot("A");
  bench_.while_installing = [this] { bench_.boot.failing_writes = 3; };
  install("2");
  EXPECT_EQ(phase(), Phase::rolled_back);
  EXPECT_EQ(error(), boot::kBootStateWrite.number);
  EXPECT_EQ(first().name, "A");
  bench_.while_installing = nullptr;
  bench_.boot.failing_writes = 0;
  boot("A");
  install("2");
  EXPECT_EQ(phase(), Phase::rebooting) << "the next update is possible";
  EXPECT_EQ(first().name, "B");
}

// What is wrong with the slot costs the update, with its number, and nothing else: the old system is what boots, and the next one is tried.
TEST_F(UpdaterTest, ABadBlockInTheMiddleOfASlotLeavesTheOldSystemAndTheNextUpdatePossible) {
  boot("A");
  bench_.slot_has_bad_block = true;
  install("2");
  EXPECT_EQ(phase(), Phase::failed);
  EXPECT_EQ(error(), kIo.number);
  EXPECT_EQ(first().name, "A");
  EXPECT_EQ(bench_.boot.state.order[1].health, boot::SlotHealth::bad);
  boot("A");
  EXPECT_EQ(phase(), Phase::failed);
  bench_.slot_has_bad_block = false;
  install("2");
  EXPECT_EQ(phase(), Phase::rebooting);
  EXPECT_EQ(first().name, "B");
}

TEST_F(UpdaterTest, ASlotThatDisappearsLeavesTheOldSystemAndTheNextUpdatePossible) {
  boot("A");
  bench_.while_installing = [this] { bench_.slot_is_gone = true; };
  install("2");
  EXPECT_EQ(phase(), Phase::failed);
  EXPECT_EQ(error(), kNotFound.number);
  EXPECT_EQ(first().name, "A");
  EXPECT_EQ(first().health, boot::SlotHealth::committed);
  bench_.while_installing = nullptr;
  bench_.slot_is_gone = false;
  install("2");
  EXPECT_EQ(phase(), Phase::rebooting);
}

TEST_F(UpdaterTest, CancellingStopsBetweenFrames) {
  boot("A");
  bench_.while_installing = [this] { updater_->cancel(); };
  install("2");
  EXPECT_EQ(phase(), Phase::cancelled);
  EXPECT_EQ(bench_.boot.state.order[1].health, boot::SlotHealth::bad);
  bench_.while_installing = nullptr;
  install("2");
  EXPECT_EQ(phase(), Phase::rebooting);
}

TEST_F(UpdaterTest, WhatIsCancelledWhileAllIsLookedAtAnewEndsNothingLater) {
  bench_.accept_at_once = false;
  boot("A");
  install("2", 5);
  EXPECT_EQ(phase(), Phase::offered);
  EXPECT_TRUE(updater_->cancel());
  bench_.accept_at_once = true;
  ASSERT_TRUE(updater_->start());
  updater_->run();
  EXPECT_EQ(phase(), Phase::rebooting);
}

TEST_F(UpdaterTest, WhatHasJustBeenAcceptedCanBeCancelled) {
  boot("A");
  EXPECT_FALSE(updater_->cancel());
  ASSERT_TRUE(updater_->offer("2", 5));
  EXPECT_TRUE(updater_->cancel());
  updater_->run();
  EXPECT_EQ(phase(), Phase::cancelled);
  EXPECT_EQ(updater_->status().state.deployment, 5U);
  bench_.files.while_appending = [this] { EXPECT_TRUE(updater_->cancel()) << "it is being recorded"; };
  install("2", 6);
  EXPECT_EQ(phase(), Phase::cancelled);
  EXPECT_EQ(updater_->status().state.deployment, 6U);
  EXPECT_TRUE(bench_.written_groups.empty());
  EXPECT_FALSE(updater_->cancel());
}

// Also one that waits for its bytes, or is just being opened.
TEST_F(UpdaterTest, ASourceIsEndedByWhateverInterruptsItsUpdate) {
  boot("A");
  bench_.while_opening = [this] { updater_->cancel(); };
  install("2");
  EXPECT_EQ(phase(), Phase::cancelled);
  EXPECT_TRUE(bench_.opening_stop.stop_requested());
  bench_.while_opening = [this] { updater_->defer("later"); };
  install("2", 5);
  EXPECT_EQ(phase(), Phase::deferred);
  EXPECT_TRUE(bench_.opening_stop.stop_requested());
  bench_.while_opening = nullptr;
  updater_->accept();
  updater_->run();
  EXPECT_EQ(phase(), Phase::rebooting);
  EXPECT_FALSE(bench_.opening_stop.stop_requested());
}

TEST_F(UpdaterTest, WhatIsDeferredWaitsForLeave) {
  bench_.accept_at_once = false;
  boot("A");
  install("2", 5);
  EXPECT_EQ(phase(), Phase::offered);
  updater_->defer("not in the maintenance window");
  updater_->run();
  EXPECT_EQ(phase(), Phase::deferred);
  EXPECT_EQ(updater_->status().state.message, "not in the maintenance window");
  updater_->accept();
  updater_->run();
  EXPECT_EQ(phase(), Phase::rebooting);
}

TEST_F(UpdaterTest, TheSameDeploymentIsDoneOnce) {
  boot("A");
  install("2", 5);
  EXPECT_TRUE(updater_->offer("2", 5));
  EXPECT_EQ(updater_->offer("2", 6).error().code.number, update::kNotNow.number);
}

TEST_F(UpdaterTest, TransitionsAreToldAgainAfterAStart) {
  boot("A");
  install("2", 5);
  boot("B");
  ASSERT_EQ(bench_.told.size(), 8U);
  EXPECT_EQ(bench_.told.front(), Phase::offered);
  EXPECT_EQ(bench_.told.back(), Phase::on_trial);
}

TEST_F(UpdaterTest, ALostBootStateIsRebuiltAroundTheRunningSystem) {
  bench_.boot.corrupt = true;
  boot("A");
  EXPECT_EQ(first().name, "A");
  EXPECT_EQ(first().health, boot::SlotHealth::committed);
  EXPECT_EQ(phase(), Phase::idle);
}

TEST_F(UpdaterTest, ALostBootStateDoesNotCommitASystemThatIsOnTrial) {
  boot("A");
  install("2");
  bench_.boot.corrupt = true;
  boot("B");
  EXPECT_EQ(phase(), Phase::on_trial);
  EXPECT_EQ(first().name, "A");
  updater_->health_result({true, ""});
  updater_->run();
  EXPECT_EQ(phase(), Phase::committed);
  EXPECT_EQ(first().name, "B");
}

TEST_F(UpdaterTest, ATrialWithoutAJournalIsJudged) {
  bench_.boot.state.order = {{"B", boot::SlotHealth::trial, 2}, {"A", boot::SlotHealth::committed, 0}};
  boot("B");
  EXPECT_EQ(bench_.trials, 1U);
  updater_->health_result({false, "no"});
  updater_->run();
  boot("A");
  EXPECT_EQ(phase(), Phase::rolled_back);
}

TEST_F(UpdaterTest, ServesUntilStopped) {
  boot("A");
  std::jthread serving([this](const std::stop_token& stop) { updater_->serve(stop); });
  ASSERT_TRUE(updater_->offer("2", 0));
  while (phase() != Phase::rebooting) std::this_thread::yield();
  serving.request_stop();
  serving.join();
  EXPECT_EQ(bench_.reboots, 1U);
}

}  // namespace
}  // namespace aloft::agent
