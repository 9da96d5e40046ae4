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

  storage::Power power_;
  storage::SimExt4 partition_{power_};
  test::SimStateFiles files_{partition_};
  test::BenchSharedSlots slots_;
  SharedSwitches switches_{files_, slots_};
};

TEST_F(SharedSwitching, ContentThatIsLostStandsInTheWayOfNoUpdate) {
  slots_.errors = {{"loader", storage::kSwitchContent}};
  EXPECT_EQ(switches_.commit().error().code.number, storage::kSwitchContent.number);
  EXPECT_EQ(waiting(), 1U) << "it may be another's mistake, and right again";
  EXPECT_TRUE(switches_.abandon());
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(slots_.switched, std::vector<std::string>{"firmware"});
}

TEST_F(SharedSwitching, ASlotThatDoesNotSwitchKeepsNoOtherWaiting) {
  slots_.errors = {{"firmware", storage::kSwitchContent}};
  EXPECT_EQ(switches_.commit().error().code.number, storage::kSwitchContent.number);
  EXPECT_EQ(slots_.switched, std::vector<std::string>{"loader"});
  EXPECT_EQ(waiting(), 1U);
}

TEST_F(SharedSwitching, AnErrorThatMayPassIsToldBeforeLostContent) {
  slots_.errors = {{"firmware", storage::kSwitchContent}, {"loader", kIo}};
  EXPECT_EQ(switches_.commit().error().code.number, kIo.number);
  slots_.errors = {{"firmware", kIo}, {"loader", storage::kSwitchContent}};
  EXPECT_EQ(switches_.commit().error().code.number, kIo.number);
  EXPECT_EQ(waiting(), 2U);
}

TEST_F(SharedSwitching, SoDoesThatOfSlotsThatAreSwitchedAsOne) {
  slots_.word = "ubi-pair";
  slots_.errors = {{"firmware", storage::kSwitchContent}};
  EXPECT_FALSE(switches_.commit());
  EXPECT_EQ(waiting(), 2U);
  EXPECT_TRUE(switches_.abandon());
  EXPECT_EQ(waiting(), 0U);
  EXPECT_TRUE(slots_.switched.empty());
}

TEST_F(SharedSwitching, AnyOtherErrorDoes) {
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
