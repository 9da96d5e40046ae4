// The system that runs is not committed, nor is any other.
#include <gtest/gtest.h>

#include "agent/test_bench.hpp"
#include "agent/updater.hpp"
#include "base/errors.hpp"
#include "update/errors.hpp"

namespace aloft::agent {
namespace {

using UpdaterWithoutAWayBackTest = test::UpdaterTest;
using update::Phase;

TEST_F(UpdaterWithoutAWayBackTest, ItIsJudgedAnewInEachBoot) {
  bench_.boot.state = {{{"A", boot::SlotHealth::trial, 0}, {"B", boot::SlotHealth::bad, 0}}};
  for (unsigned boots = 1; boots <= 2; ++boots) {
    boot("A");
    EXPECT_EQ(phase(), Phase::on_trial);
    EXPECT_EQ(error(), 0U);
    EXPECT_EQ(bench_.trials, boots);
    updater_->health_result({false, "no network"});
    updater_->run();
    EXPECT_EQ(phase(), Phase::failed);
    EXPECT_EQ(error(), update::kUnhealthy.number);
  }
  install("2", 5);
  EXPECT_EQ(phase(), Phase::failed) << "it is the only way back";
  boot("A");
  EXPECT_EQ(phase(), Phase::on_trial);
  EXPECT_EQ(updater_->status().state.deployment, 0U);
  updater_->health_result({true, ""});
  updater_->run();
  EXPECT_EQ(phase(), Phase::committed);
  EXPECT_EQ(first().health, boot::SlotHealth::committed);
  EXPECT_EQ(bench_.reboots, 0U);
  install("2", 6);
  EXPECT_EQ(phase(), Phase::rebooting);
}

// A restart would lead back to it, use up a try, and end there again.
TEST_F(UpdaterWithoutAWayBackTest, NoErrorOfGivingUpRestarts) {
  bench_.boot.state = {{{"A", boot::SlotHealth::trial, 2}, {"B", boot::SlotHealth::bad, 0}}};
  bench_.abandon_fails = Error(kPermission, "the list of what is to be switched cannot be written");
  boot("A");
  updater_->health_result({false, "no network"});
  updater_->run();
  EXPECT_EQ(phase(), Phase::failed);
  EXPECT_EQ(bench_.reboots, 0U);
}

TEST_F(UpdaterWithoutAWayBackTest, ItStaysAndSaysSo) {
  bench_.boot.state.order = {{"B", boot::SlotHealth::trial, 2}, {"A", boot::SlotHealth::bad, 0}};
  boot("B");
  updater_->health_result({false, "no"});
  updater_->run();
  EXPECT_EQ(phase(), Phase::failed);
  EXPECT_EQ(bench_.reboots, 0U);
}

}  // namespace
}  // namespace aloft::agent
