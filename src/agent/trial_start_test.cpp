#include "agent/trial_start.hpp"

#include <gtest/gtest.h>

#include "agent/test_folder.hpp"

namespace aloft::agent {
namespace {

using std::chrono::seconds;

class TrialStartTest : public testing::Test {
 protected:
  // As an agent that is started then.
  SteadyTime started(seconds then, const std::string& boot_id = "boot-1") {
    TrialStart start(files_, boot_id);
    const SteadyTime begun = start.begun(SteadyTime(then));
    EXPECT_EQ(start.begun(SteadyTime(then + seconds(5))), begun) << "it has begun";
    start.keep();
    return begun;
  }

  const test::Folder folder_;
  update::StateFolder files_{folder_.path()};
};

TEST_F(TrialStartTest, IsTheAgentsFirstInThisBoot) {
  EXPECT_EQ(started(seconds(10)), SteadyTime(seconds(10)));
  EXPECT_EQ(started(seconds(30)), SteadyTime(seconds(10)));
  EXPECT_EQ(started(seconds(900)), SteadyTime(seconds(10)));
  EXPECT_EQ(started(seconds(20), "boot-2"), SteadyTime(seconds(20))) << "the boot loader counts reboots";
  EXPECT_EQ(started(seconds(30), "boot-2"), SteadyTime(seconds(20)));
}

TEST_F(TrialStartTest, IsForgottenWhenItIsOver) {
  started(seconds(10));
  TrialStart start(files_, "boot-1");
  EXPECT_EQ(start.begun(SteadyTime(seconds(20))), SteadyTime(seconds(10)));
  start.forget();
  EXPECT_EQ(start.begun(SteadyTime(seconds(90))), SteadyTime(seconds(90)));
  EXPECT_EQ(started(seconds(100)), SteadyTime(seconds(100)));
}

TEST_F(TrialStartTest, WhatIsNoTimeOfThisBootCountsForNothing) {
  for (const char* content :
       {"", "boot-1", "boot-1 ", "boot-1 x\n", "boot-1 10000", "boot-1 50000\n", "boot-1 99999999999999999999\n", " 10000\n"}) {
    ASSERT_TRUE(files_.replace("trial-began", content));
    EXPECT_EQ(started(seconds(40)), SteadyTime(seconds(40))) << content;
  }
  EXPECT_EQ(started(seconds(50), ""), SteadyTime(seconds(50))) << "a kernel that does not tell its boots apart";
  EXPECT_EQ(started(seconds(60), ""), SteadyTime(seconds(60)));
}

TEST_F(TrialStartTest, AFolderThatCannotBeWrittenEndsNoTrial) {
  update::StateFolder missing(folder_ / "missing");
  for (const seconds then : {seconds(10), seconds(20)}) {
    TrialStart start(missing, "boot-1");
    EXPECT_EQ(start.begun(SteadyTime(then)), SteadyTime(then));
    start.keep();
    EXPECT_EQ(start.begun(SteadyTime(then + seconds(1))), SteadyTime(then));
    start.forget();
  }
}

}  // namespace
}  // namespace aloft::agent
