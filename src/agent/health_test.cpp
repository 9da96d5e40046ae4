#include "agent/health.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "agent/errors.hpp"
#include "agent/test_folder.hpp"
#include "base/file.hpp"
#include "base/process.hpp"

namespace aloft::agent {
namespace {

using std::chrono::steady_clock;

class Health : public testing::Test {
 protected:
  void check(const char* name, const std::string& script, unsigned mode = 0755) {
    ASSERT_TRUE(replace_file(folder_ / name, "#!/bin/sh\n" + script + "\n", mode));
  }
  Result<> run(std::chrono::milliseconds deadline = std::chrono::minutes(1)) {
    return run_health_checks(config_, steady_clock::now() + deadline, stop_);
  }
  test::Folder folder_;
  HealthConfig config_{.dir = folder_.path()};
  std::atomic<bool> stop_ = false;
};

TEST_F(Health, NoFolderAndAnEmptyOneAreHealthy) {
  EXPECT_TRUE(run());
  config_.dir = folder_ / "missing";
  EXPECT_TRUE(run());
}

TEST_F(Health, AllMustPassInTheOrderOfTheirNames) {
  const std::string trace = (folder_ / ".trace").string();
  check("20-second", "echo 2 >> " + trace);
  check("10-first", "echo 1 >> " + trace);
  EXPECT_TRUE(run());
  EXPECT_EQ(read_file(trace).value(), "1\n2\n");
}

TEST_F(Health, TheLastLineIsTheReason) {
  check("camera", "echo trying; echo; echo 'no picture from sensor 2' >&2; echo; exit 4");
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code.number, kHealthFailed.number);
  EXPECT_EQ(result.error().message, "health check camera failed with status 4: no picture from sensor 2");
}

TEST_F(Health, WhatIsNoProgramIsPassedOver) {
  check("readme", "exit 1", 0644);
  check(".hidden", "exit 1");
  check("old~", "exit 1");
  EXPECT_TRUE(run());
}

TEST_F(Health, OneThatHangsIsKilledWithItsChildren) {
  config_.check_timeout = std::chrono::seconds(1);
  check("hang", "sleep 300 & echo waiting for the modem; sleep 300");
  const auto begin = steady_clock::now();
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code.number, kHealthTimeout.number);
  EXPECT_THAT(result.error().message, testing::HasSubstr("it last said: waiting for the modem"));
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(200));
}

TEST_F(Health, TheTrialsDeadlineGoesOverTheChecksOwn) {
  check("hang", "sleep 300");
  const auto result = run(std::chrono::milliseconds(200));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code.number, kHealthTimeout.number);
}

TEST_F(Health, StoppingEndsACheck) {
  check("hang", "sleep 300");
  stop_ = true;
  EXPECT_FALSE(run());
}

// A program of that name says what systemd would.
class Units : public testing::Test {
 protected:
  Units() { ::setenv("PATH", (folder_.path().string() + ":" + path_).c_str(), 1); }
  ~Units() override { ::setenv("PATH", path_.c_str(), 1); }
  Result<> check(const std::string& state, const std::string& failed) {
    const std::string script = "#!/bin/sh\ncase $1 in is-system-running) echo " + state + "; exit 1 ;; esac\nprintf '" + failed + "'\n";
    EXPECT_TRUE(replace_file(folder_ / "systemctl", script, 0755));
    return check_systemd_units(steady_clock::now(), stop_);
  }
  std::string path_ = std::getenv("PATH");
  test::Folder folder_;
  std::atomic<bool> stop_ = false;
};

TEST_F(Units, FailedOnesAreNamed) {
  const auto degraded = check("degraded", "camera.service loaded failed failed Camera\nnet.service loaded failed failed Net\n");
  ASSERT_FALSE(degraded);
  EXPECT_EQ(degraded.error().code.number, kUnitsFailed.number);
  EXPECT_THAT(degraded.error().message, testing::HasSubstr("camera.service, net.service;"));
  EXPECT_TRUE(check("running", ""));
}

TEST_F(Units, AStickThatCouldNotBeInstalledIsNoFaultOfTheSystem) {
  const std::string stick = "aloft-usb@sda.service loaded failed failed Install\n";
  EXPECT_TRUE(check("degraded", stick));
  const auto both = check("degraded", stick + "net.service loaded failed failed Net\n");
  ASSERT_FALSE(both);
  EXPECT_THAT(both.error().message, testing::HasSubstr("failed: net.service;"));
}

TEST_F(Units, StartingUpEndsAtTheDeadline) {
  const auto late = check("starting", "");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code.number, kTrialDeadline.number);
}

TEST(Process, WhatStaysInTheBackgroundIsNotWaitedFor) {
  const auto end = run_process({"sh", "-c", "sleep 300 & echo $!"}, std::chrono::minutes(1));
  ASSERT_TRUE(end);
  EXPECT_FALSE(end->timed_out);
  EXPECT_EQ(end->exit_status, 0);
  run_process({"kill", last_line(end->output)}, std::chrono::minutes(1)).value();
}

TEST(Process, OutputIsBounded) {
  const auto end = run_process({"sh", "-c", "yes | head -c 1000000; echo end"}, std::chrono::minutes(1));
  ASSERT_TRUE(end);
  EXPECT_LE(end->output.size(), kMaxOutputBytes);
  EXPECT_EQ(last_line(end->output), "end");
}

TEST(Process, SignalsAndMissingProgramsAreTold) {
  EXPECT_EQ(run_process({"sh", "-c", "kill -9 $$"}, std::chrono::minutes(1)).value().exit_status, 137);
  EXPECT_FALSE(run_process({"/does/not/exist"}, std::chrono::minutes(1)));
  EXPECT_FALSE(run_process({}, std::chrono::minutes(1)));
}

}  // namespace
}  // namespace aloft::agent
