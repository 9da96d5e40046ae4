#include "agent/watchdog.hpp"

#include <gtest/gtest.h>

#include "agent/errors.hpp"
#include "agent/reset_guard.hpp"
#include "agent/test_folder.hpp"

namespace aloft::agent {
namespace {

// A regular file plays the device: it keeps every ping.
class WatchdogTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(replace_file(device_, "")); }
  std::string pings() const { return read_file(device_).value(); }
  test::Folder folder_;
  const std::filesystem::path device_ = folder_ / "watchdog";
  FakeClock clock_;
};

TEST_F(WatchdogTest, ClosingWithoutFarewellLeavesTheResetDue) {
  {
    const auto watchdog = Watchdog::open(device_, std::chrono::seconds(60)).value();
  }
  EXPECT_EQ(pings(), "\n");
}

TEST_F(WatchdogTest, DisarmingSaysTheMagic) {
  auto watchdog = Watchdog::open(device_, std::chrono::seconds(60)).value();
  watchdog.ping();
  watchdog.disarm();
  watchdog.ping();
  EXPECT_EQ(pings(), "\n\nV");
  EXPECT_FALSE(watchdog.armed());
}

TEST_F(WatchdogTest, AMissingDeviceIsAnErrorThatNothingHangsOn) {
  const auto watchdog = Watchdog::open(folder_ / "none", std::chrono::seconds(60));
  ASSERT_FALSE(watchdog);
  EXPECT_EQ(watchdog.error().code.number, kWatchdog.number);
  ResetGuard guard(WatchdogConfig{.device = folder_ / "none"});
  guard.arm(clock_.steady(), clock_.steady() + std::chrono::minutes(1));
  guard.tick(clock_.steady());
  guard.disarm();
  EXPECT_FALSE(guard.status().present);
}

TEST_F(WatchdogTest, IsPingedInTimeAndNotBeyondTheDeadline) {
  ResetGuard guard(WatchdogConfig{.device = device_, .timeout = std::chrono::seconds(20)});
  guard.arm(clock_.steady(), clock_.steady() + std::chrono::seconds(60));
  EXPECT_TRUE(guard.status().armed);
  for (int second = 0; second < 300; ++second) {
    guard.tick(clock_.steady());
    clock_.advance(std::chrono::seconds(1));
  }
  EXPECT_EQ(pings(), std::string(1 + 13, '\n')) << "one at the opening, then every 5 s from 0 to 60";
  EXPECT_FALSE(guard.next_tick());
  EXPECT_TRUE(guard.status().armed) << "the reset is due";
}

TEST_F(WatchdogTest, ArmingAgainPutsTheDeadlineOff) {
  ResetGuard guard(WatchdogConfig{.device = device_, .timeout = std::chrono::seconds(20)});
  guard.arm(clock_.steady(), clock_.steady() + std::chrono::seconds(5));
  clock_.advance(std::chrono::seconds(30));
  guard.tick(clock_.steady());
  EXPECT_EQ(pings(), "\n");
  guard.arm(clock_.steady(), clock_.steady() + std::chrono::seconds(5));
  guard.tick(clock_.steady());
  guard.disarm();
  EXPECT_EQ(pings(), "\n\nV");
}

}  // namespace
}  // namespace aloft::agent
