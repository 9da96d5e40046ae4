#include "agent/watchdog.hpp"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "agent/early_watchdog.hpp"
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
  // What the kernel says of the watchdog.
  void attribute(const std::string& name, const std::string& value) const {
    std::filesystem::create_directories(folder_ / "sys/watchdog0");
    ASSERT_TRUE(replace_file(folder_ / "sys/watchdog0" / name, value + "\n"));
  }
  WatchdogConfig config(std::chrono::seconds systemd_timeout = std::chrono::seconds(0)) const {
    return WatchdogConfig{.device = device_, .timeout = std::chrono::seconds(20), .systemd_timeout = systemd_timeout};
  }
  WatchdogPlaces places() const { return WatchdogPlaces{.sysfs = folder_ / "sys", .proc = folder_ / "proc"}; }
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

TEST_F(WatchdogTest, AnAgentThatComesTooLateDoesNotPingWhatRunsAlready) {
  clock_.advance(std::chrono::seconds(100));
  const SteadyTime over = clock_.steady() - std::chrono::seconds(1);
  attribute("state", "active");
  ResetGuard guard(config(), {}, places());
  guard.arm(clock_.steady(), over);
  EXPECT_EQ(pings(), "");
  guard.arm(clock_.steady(), clock_.steady() + std::chrono::seconds(60));
  EXPECT_EQ(pings(), "\n") << "for the restart that it asks for";
  attribute("state", "inactive");
  ASSERT_TRUE(replace_file(device_, ""));
  ResetGuard next(config(), {}, places());
  next.arm(clock_.steady(), over);
  next.tick(clock_.steady());
  EXPECT_EQ(pings(), "\n") << "started by its opening, which is its only ping";
  EXPECT_TRUE(next.status().armed);
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

TEST_F(WatchdogTest, ACommittedSystemStopsWhatTheInitramfsStarted) {
  ResetGuard guard(config(), {}, places());
  attribute("state", "inactive");
  guard.settle(clock_.steady());
  EXPECT_EQ(pings(), "") << "what does not run is not started";
  attribute("state", "active");
  guard.settle(clock_.steady());
  EXPECT_EQ(pings(), "\nV");
  EXPECT_FALSE(guard.status().armed);
}

TEST_F(WatchdogTest, WhatIsArmedAlreadyIsStoppedInASystemThatTurnsOutCommitted) {
  ResetGuard guard(config(), {}, places());
  guard.arm(clock_.steady(), clock_.steady() + std::chrono::seconds(60));
  guard.settle(clock_.steady());
  EXPECT_EQ(pings(), "\nV");
  EXPECT_FALSE(guard.status().armed);
  EXPECT_FALSE(guard.next_tick());
}

TEST_F(WatchdogTest, OneThatCannotBeStoppedIsPingedWithoutEnd) {
  attribute("state", "active");
  attribute("nowayout", "1");
  ResetGuard guard(config(), {}, places());
  guard.settle(clock_.steady());
  for (int second = 0; second < 3600; ++second) {
    guard.tick(clock_.steady());
    clock_.advance(std::chrono::seconds(1));
  }
  EXPECT_EQ(pings(), std::string(1 + 720, '\n'));
  EXPECT_TRUE(guard.next_tick());
}

// EFI Boot Guard locks i6300ESB, whose driver says nothing of it: inactive, no nowayout, and yet the hardware counts.
TEST_F(WatchdogTest, OneThatTheBootLoaderLockedIsPingedWithoutEnd) {
  attribute("state", "inactive");
  attribute("nowayout", "0");
  WatchdogConfig locked = config();
  locked.locked = true;
  for (const bool on_trial : {false, true}) {
    ASSERT_TRUE(replace_file(device_, ""));
    ResetGuard guard(locked, {}, places());
    if (on_trial) {
      guard.arm(clock_.steady(), clock_.steady() + std::chrono::seconds(60));
      guard.disarm();
    } else {
      guard.settle(clock_.steady());
    }
    for (int second = 0; second < 3600; ++second) {
      guard.tick(clock_.steady());
      clock_.advance(std::chrono::seconds(1));
    }
    EXPECT_EQ(pings(), std::string(1 + 720, '\n')) << on_trial;
  }
}

TEST_F(WatchdogTest, IsGivenToSystemdWithoutAStopInBetween) {
  std::string when_given;
  const auto give = [&](std::chrono::seconds timeout) -> Result<> {
    EXPECT_EQ(timeout, std::chrono::seconds(30));
    when_given = pings();
    std::filesystem::remove(device_);  // as good as held: it cannot be opened
    std::filesystem::create_directory(device_);
    return {};
  };
  ResetGuard guard(config(std::chrono::seconds(30)), give, places());
  guard.arm(clock_.steady(), clock_.steady() + std::chrono::seconds(60));
  guard.disarm();
  EXPECT_EQ(when_given, "\n\n");
  EXPECT_TRUE(guard.status().armed) << "by systemd";
  EXPECT_FALSE(guard.next_tick());
}

TEST_F(WatchdogTest, WhatSystemdDoesNotTakeIsStopped) {
  ResetGuard guard(
      config(std::chrono::seconds(30)), [](std::chrono::seconds) -> Result<> { return fail(kWatchdog, "no reload"); }, places());
  guard.settle(clock_.steady());
  EXPECT_EQ(pings(), "\nV") << "opened anew, it is written from the start";
  EXPECT_FALSE(guard.status().armed);
}

TEST_F(WatchdogTest, WithoutSystemdItIsStopped) {
  ResetGuard guard(config(std::chrono::seconds(30)), {}, places());
  guard.arm(clock_.steady(), clock_.steady() + std::chrono::seconds(60));
  guard.disarm();
  EXPECT_EQ(pings(), "\nV");
}

TEST_F(WatchdogTest, TellsWhetherItCausedTheLastBoot) {
  ResetGuard guard(config(), {}, places());
  EXPECT_FALSE(guard.status().caused_last_boot);
  attribute("bootstatus", "0");
  EXPECT_FALSE(guard.status().caused_last_boot);
  attribute("bootstatus", "32");
  EXPECT_TRUE(guard.status().caused_last_boot);
  attribute("bootstatus", "33");
  EXPECT_TRUE(guard.status().caused_last_boot) << "among other reasons";
}

TEST_F(WatchdogTest, TheEarlyKeeperIsAskedToLetGo) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_NAME, "aloft-watchdog");
    for (;;) ::pause();
  }
  const auto entry = folder_ / "proc" / std::to_string(child);
  std::filesystem::create_directories(entry);
  ASSERT_TRUE(replace_file(entry / "comm", "something-else\n"));
  EXPECT_FALSE(dismiss_early_watchdog(folder_ / "proc"));
  ASSERT_TRUE(replace_file(entry / "comm", "aloft-watchdog\n"));
  EXPECT_TRUE(dismiss_early_watchdog(folder_ / "proc"));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  EXPECT_FALSE(dismiss_early_watchdog(folder_ / "nowhere"));
}

}  // namespace
}  // namespace aloft::agent
