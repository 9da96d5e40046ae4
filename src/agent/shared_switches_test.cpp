#include "agent/shared_switches.hpp"

#include <gtest/gtest.h>

#include "agent/test_bench.hpp"
#include "base/errors.hpp"
#include "storage/errors.hpp"

namespace aloft::agent {
namespace {

class SharedSwitching : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(switches_.written("firmware", {}));
    ASSERT_TRUE(switches_.written("loader", {}));
  }
  std::size_t waiting() { return test::must(WaitingSwitches(files_).all()).size(); }

  std::uint64_t refused(const std::string& slot_class) {
    for (const RefusedSwitch& one : switches_.refused())
      if (one.slot_class == slot_class) return one.error;
    return 0;
  }

  storage::Power power_;
  storage::SimExt4 partition_{power_};
  test::SimStateFiles files_{partition_};
  test::BenchSharedSlots slots_;
  SharedSwitches switches_{files_, slots_};
};

TEST_F(SharedSwitching, ContentThatIsLostIsForgottenByTheNextUpdate) {
  slots_.errors = {{"loader", storage::kSwitchContent}};
  EXPECT_TRUE(switches_.commit());
  EXPECT_EQ(waiting(), 1U) << "it may be another's mistake, and right again";
  EXPECT_EQ(refused("loader"), storage::kSwitchContent.number);
  EXPECT_FALSE(switches_.refusal_of("loader")) << "another update is what mends it";
  EXPECT_TRUE(switches_.abandon());
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(slots_.switched, std::vector<std::string>{"firmware"});
}

TEST_F(SharedSwitching, WhatLastsIsToldAndKeepsUpdatesAwayFromThatSlotOnly) {
  for (const ErrorCode why : {storage::kEmmcRefuses, storage::kBadPartition}) {
    slots_.errors = {{"loader", why}};
    EXPECT_TRUE(switches_.commit());
    EXPECT_EQ(refused("loader"), why.number);
    EXPECT_TRUE(switches_.abandon());
    EXPECT_EQ(refused("loader"), why.number) << "the next update does not hide it";
    EXPECT_TRUE(slots_.given_up.empty());
    EXPECT_TRUE(switches_.refusal_of("loader"));
    EXPECT_FALSE(switches_.refusal_of("firmware"));
  }
}

TEST_F(SharedSwitching, WhatLastsIsKnownAfterARestartAndOverOnceItIsDone) {
  slots_.errors = {{"loader", storage::kEmmcRefuses}};
  EXPECT_TRUE(switches_.commit());
  SharedSwitches restarted(files_, slots_);
  ASSERT_EQ(restarted.refused().size(), 1U);
  EXPECT_EQ(told(restarted.refused().front()).text(),
            "E6013 slot-refuses: shared slot loader keeps what it had, and does not switch to what was committed: "
            "E4026 emmc-refuses: it does not switch");
  slots_.errors.clear();
  EXPECT_TRUE(restarted.make_up());
  EXPECT_TRUE(restarted.refused().empty());
  EXPECT_EQ(slots_.switched, (std::vector<std::string>{"firmware", "loader"}));
}

TEST_F(SharedSwitching, WhatIsNotDueIsNotMadeUpFor) {
  EXPECT_TRUE(switches_.make_up());
  EXPECT_TRUE(slots_.switched.empty());
  EXPECT_EQ(waiting(), 2U);
}

TEST_F(SharedSwitching, ADamagedFileIsToldOnceAndNothingWaitsForIt) {
  for (const char* damaged : {"{\"loader\"", "[]", R"({"loader":{"sha256":"00","size":1,"due":1}})", R"({"loader":{}})"}) {
    ASSERT_TRUE(files_.replace("switches", damaged));
    EXPECT_TRUE(switches_.commit());
    ASSERT_EQ(switches_.refused().size(), 1U) << damaged;
    EXPECT_EQ(switches_.refused().front().error, kBadJson.number);
    EXPECT_FALSE(switches_.refusal_of("loader"));
    EXPECT_EQ(test::must(files_.read("switches.bad")), damaged);
    EXPECT_TRUE(switches_.abandon());
    EXPECT_TRUE(switches_.refused().empty());
    EXPECT_TRUE(switches_.written("loader", {}));
    EXPECT_EQ(waiting(), 1U);
  }
}

TEST_F(SharedSwitching, ASlotThatDoesNotSwitchKeepsNoOtherWaiting) {
  slots_.errors = {{"firmware", kIo}};
  EXPECT_EQ(switches_.commit().error().code.number, kIo.number);
  EXPECT_EQ(slots_.switched, std::vector<std::string>{"loader"});
  EXPECT_EQ(waiting(), 1U);
}

TEST_F(SharedSwitching, AnErrorThatMayPassIsToldBesidesOneThatLasts) {
  slots_.errors = {{"firmware", storage::kSwitchContent}, {"loader", kIo}};
  EXPECT_EQ(switches_.commit().error().code.number, kIo.number);
  EXPECT_EQ(refused("firmware"), storage::kSwitchContent.number);
  slots_.errors = {{"firmware", kIo}, {"loader", storage::kSwitchContent}};
  EXPECT_EQ(switches_.commit().error().code.number, kIo.number);
  EXPECT_EQ(waiting(), 2U);
}

TEST_F(SharedSwitching, SoIsThatOfSlotsThatAreSwitchedAsOne) {
  slots_.word = "ubi-pair";
  slots_.errors = {{"firmware", storage::kUbiFull}};
  EXPECT_TRUE(switches_.commit());
  EXPECT_EQ(refused("loader"), storage::kUbiFull.number);
  EXPECT_TRUE(switches_.refusal_of("kernel")) << "it would be switched with them";
  slots_.errors = {{"firmware", storage::kSwitchContent}};
  EXPECT_TRUE(switches_.abandon());
  EXPECT_EQ(waiting(), 0U);
  EXPECT_TRUE(slots_.switched.empty());
}

TEST_F(SharedSwitching, AnErrorThatMayPassStandsInTheWay) {
  slots_.errors = {{"loader", kIo}};
  EXPECT_FALSE(switches_.commit());
  EXPECT_EQ(switches_.abandon().error().code.number, kIo.number);
  EXPECT_EQ(waiting(), 1U);
  slots_.errors.clear();
  EXPECT_TRUE(switches_.abandon());
  EXPECT_EQ(slots_.switched, (std::vector<std::string>{"firmware", "loader"}));
}

}  // namespace
}  // namespace aloft::agent
