// What the server lets be written, and not yet installed.
#include <gtest/gtest.h>

#include "agent/test_bench.hpp"

namespace aloft::agent {
namespace {

using update::Phase;

class UpdaterHold : public test::UpdaterTest {};

TEST_F(UpdaterHold, WhatIsHeldIsWrittenAndNotArmedUntilItIsReleased) {
  boot("A");
  bench_.held = 5;
  install("2", 5);
  EXPECT_EQ(phase(), Phase::deferred);
  EXPECT_EQ(error(), kHeld.number);
  EXPECT_EQ(updater_->status().state.message, "downloaded, not installed: download only");
  EXPECT_EQ(bench_.told_permille, 1000U);
  EXPECT_EQ(first().name, "A");
  EXPECT_EQ(bench_.reboots, 0U);
  boot("A");
  EXPECT_EQ(phase(), Phase::deferred) << "also after a restart";
  EXPECT_EQ(error(), kHeld.number);
  EXPECT_EQ(bench_.opened, 1U) << "which fetches nothing again";
  bench_.held = 0;
  updater_->accept();
  updater_->run();
  EXPECT_EQ(phase(), Phase::rebooting);
  EXPECT_EQ(first().name, "B");
  EXPECT_EQ(error(), 0U);
}

TEST_F(UpdaterHold, AReleaseThatComesWhileTheDeviceIsOffHoldsAtItsStart) {
  boot("A");
  bench_.held = 5;
  install("2", 5);
  bench_.held = 0;
  boot("A");
  EXPECT_EQ(phase(), Phase::rebooting);
}

TEST_F(UpdaterHold, ALocalInstallIsNeverHeld) {
  boot("A");
  bench_.held = 0;
  install("2");
  EXPECT_EQ(phase(), Phase::rebooting);
}

TEST_F(UpdaterHold, WhatWritesSlotsOfTheRunningSystemIsNotBegunWhileItIsHeld) {
  boot("A");
  bench_.held = 5;
  bench_.slot_facts["boot"].shared = true;
  install("2", 5);
  EXPECT_EQ(phase(), Phase::deferred);
  EXPECT_EQ(error(), kHeld.number);
  EXPECT_TRUE(bench_.written_groups.empty());
  bench_.held = 0;
  updater_->accept();
  updater_->run();
  EXPECT_EQ(phase(), Phase::rebooting);
}

TEST_F(UpdaterHold, WhatIsHeldCanBeCancelledAndReplaced) {
  boot("A");
  bench_.held = 5;
  install("2", 5);
  install("4", 6);
  EXPECT_EQ(phase(), Phase::rebooting);
  EXPECT_EQ(updater_->status().state.version, "4");
  boot("A");
  install("2", 5);
  EXPECT_EQ(phase(), Phase::deferred);
  updater_->cancel();
  updater_->run();
  EXPECT_EQ(phase(), Phase::cancelled);
}

}  // namespace
}  // namespace aloft::agent
