#include "agent/install_gate.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "agent/errors.hpp"
#include "agent/test_folder.hpp"

namespace aloft::agent {
namespace {

// A clock that can be set, in a time zone of the test's.
class SetClock final : public Clock {
 public:
  WallTime now() override { return now_; }
  SteadyTime steady() override { return {}; }
  WallTime now_{};
};

class InTimeZone {
 public:
  explicit InTimeZone(const char* name) {
    ::setenv("TZ", name, 1);
    ::tzset();
  }
  ~InTimeZone() {
    ::unsetenv("TZ");
    ::tzset();
  }
};

WallTime utc(int day, int hour, int minute) {  // of June 2026; the 1st is a Monday
  std::tm parts{.tm_sec = 0, .tm_min = minute, .tm_hour = hour, .tm_mday = day, .tm_mon = 5, .tm_year = 126};
  return WallTime(std::chrono::seconds(::timegm(&parts)));
}

struct Asked {
  std::uint64_t id;
  protocol::InstallPolicy policy;
};

Asked deployment(protocol::InstallPolicy policy, std::uint64_t id = 5) { return {.id = id, .policy = policy}; }

std::optional<Error> objection(const InstallGate& gate, const Asked& asked) { return gate.objection(asked.id, asked.policy); }

std::uint64_t number_of(const std::optional<Error>& error) { return error ? error->code.number : 0; }

TEST(InstallGate, TheWindowIsInTheDevicesOwnTime) {
  const InTimeZone zone("EET-2");  // two hours ahead of UTC
  const test::Folder folder;
  SetClock clock;
  const InstallGate gate(folder / "consent", folder / "policy", clock);
  const auto night =
      deployment({.window = protocol::MaintenanceWindow{.days = 1, .from_minute = 22 * 60, .until_minute = 5 * 60}, .consent = false});
  clock.now_ = utc(1, 19, 59);
  EXPECT_EQ(number_of(objection(gate, night)), kOutsideWindow.number);
  clock.now_ = utc(1, 20, 0);
  EXPECT_FALSE(objection(gate, night)) << "22:00 on Monday there";
  clock.now_ = utc(2, 2, 59);
  EXPECT_FALSE(objection(gate, night));
  clock.now_ = utc(2, 3, 0);
  EXPECT_EQ(number_of(objection(gate, night)), kOutsideWindow.number);
  EXPECT_FALSE(objection(gate, deployment({})));
}

TEST(InstallGate, AClockThatIsNotSetOpensNoWindow) {
  const test::Folder folder;
  SetClock clock;
  const InstallGate gate(folder / "consent", folder / "policy", clock);
  const auto any_time = deployment({.window = protocol::MaintenanceWindow{}, .consent = false});
  EXPECT_EQ(number_of(objection(gate, any_time)), kOutsideWindow.number);
  EXPECT_FALSE(objection(gate, deployment({})));
}

TEST(InstallGate, ConsentIsForOneDeploymentAndSurvivesARestart) {
  const test::Folder folder;
  SetClock clock;
  const auto asked = deployment({.window = {}, .consent = true});
  {
    InstallGate gate(folder / "consent", folder / "policy", clock);
    EXPECT_EQ(number_of(objection(gate, asked)), kNeedsConsent.number);
    EXPECT_TRUE(gate.consent(5));
    EXPECT_FALSE(objection(gate, asked));
  }
  const InstallGate gate(folder / "consent", folder / "policy", clock);
  EXPECT_FALSE(objection(gate, asked));
  EXPECT_EQ(number_of(objection(gate, deployment({.window = {}, .consent = true}, 6))), kNeedsConsent.number);
}

TEST(InstallGate, WhatWasNotedHoldsOverARestartAndForItsDeploymentOnly) {
  const test::Folder folder;
  SetClock clock;
  const protocol::InstallPolicy never{.window = protocol::MaintenanceWindow{.days = 1}, .consent = true};  // the clock is not set
  {
    InstallGate gate(folder / "consent", folder / "policy", clock);
    EXPECT_FALSE(gate.objection(5));
    EXPECT_TRUE(gate.note(5, never));
    EXPECT_EQ(number_of(gate.objection(5)), kOutsideWindow.number);
  }
  InstallGate gate(folder / "consent", folder / "policy", clock);
  EXPECT_EQ(number_of(gate.objection(5)), kOutsideWindow.number);
  EXPECT_FALSE(gate.objection(6));
  EXPECT_FALSE(gate.objection(0));
  EXPECT_TRUE(gate.note(5, {.window = {}, .consent = true}));
  EXPECT_EQ(number_of(gate.objection(5)), kNeedsConsent.number);
  EXPECT_TRUE(gate.note(5, {}));
  EXPECT_FALSE(gate.objection(5));
  EXPECT_FALSE(InstallGate(folder / "consent", folder / "policy", clock).objection(5));
  ASSERT_TRUE(replace_file(folder / "policy", "{\"deployment\":5,\"policy\":3}"));
  EXPECT_FALSE(InstallGate(folder / "consent", folder / "policy", clock).objection(5));
}

TEST(InstallGate, WhatCannotBeKeptHoldsForThisRun) {
  const test::Folder folder;
  SetClock clock;
  InstallGate gate(folder / "consent", folder / "missing/policy", clock);
  EXPECT_FALSE(gate.note(5, {.window = {}, .consent = true}));
  EXPECT_EQ(number_of(gate.objection(5)), kNeedsConsent.number);
}

}  // namespace
}  // namespace aloft::agent
