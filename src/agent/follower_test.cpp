#include "agent/follower.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <thread>

#include "agent/test_bench.hpp"
#include "agent/test_folder.hpp"
#include "storage/errors.hpp"
#include "update/errors.hpp"

namespace aloft::agent {
namespace {

using update::Phase;

// The server speaks, the real updater works.
class FollowerTest : public test::UpdaterTest {
 protected:
  void SetUp() override {
    bench_.gate = [this](std::uint64_t deployment) { return hold_gate_.objection(deployment); };
    boot("A");
    begin();
  }
  void begin() {
    follower_.emplace(Follower::Seams{.updater = *updater_,
                                      .install_gate = install_gate_,
                                      .hold_gate = hold_gate_,
                                      .download_gate = download_gate_,
                                      .cancel = [this] { updater_->cancel(); },
                                      .tell = [this](std::uint64_t, const Error& why) { told_ = why; }});
  }
  void assign(std::optional<Wanted> wanted) {
    follower_->assign(std::move(wanted));
    settle();
  }
  // As the daemon's loop does.
  void settle() {
    for (int turn = 0; turn < 4; ++turn) {
      updater_->run();
      follower_->follow();
      if (phase() == Phase::deferred) follower_->go_on(updater_->status().state);
    }
    updater_->run();
  }

  // From half an hour ago to in half an hour, by the clock of the device's.
  protocol::InstallPolicy window_now() {
    const std::time_t now = std::chrono::duration_cast<std::chrono::seconds>(bench_.clock.now().time_since_epoch()).count();
    std::tm local{};
    ::localtime_r(&now, &local);
    const auto minute = [&](int ahead) { return static_cast<std::uint16_t>((local.tm_hour * 60 + local.tm_min + ahead + 1440) % 1440); };
    return {.window = protocol::MaintenanceWindow{.from_minute = minute(-30), .until_minute = minute(30)}, .consent = false};
  }

  const test::Folder folder_;
  InstallGate install_gate_{folder_ / "consent", folder_ / "install-policy", bench_.clock};
  HoldGate hold_gate_{folder_ / "hold"};
  const DownloadConfig download_;
  DownloadGate download_gate_{download_, folder_ / "policy", [] { return std::vector<std::string>(); }};
  std::optional<Follower> follower_;
  std::optional<Error> told_;
};

TEST_F(FollowerTest, CarriesOutWhatIsWantedAndOnlyOnce) {
  assign(Wanted{.deployment = 5, .source = "3-unhealthy"});
  EXPECT_EQ(phase(), Phase::rebooting);
  boot("B");
  updater_->health_result({false, "no"});
  updater_->run();
  boot("A");
  EXPECT_EQ(phase(), Phase::rolled_back);
  begin();
  assign(Wanted{.deployment = 5, .source = "3-unhealthy"});
  EXPECT_EQ(phase(), Phase::rolled_back);
  assign(Wanted{.deployment = 6, .source = "2"});
  EXPECT_EQ(phase(), Phase::rebooting);
}

TEST_F(FollowerTest, WhatIsHeldWaitsForTheServersWord) {
  assign(Wanted{.deployment = 5, .source = "2", .hold = "later"});
  EXPECT_EQ(phase(), Phase::deferred);
  EXPECT_EQ(error(), kHeld.number);
  follower_->ask();
  settle();
  EXPECT_EQ(phase(), Phase::deferred) << "whoever asks for it";
  assign(Wanted{.deployment = 5, .source = "2"});
  EXPECT_EQ(phase(), Phase::rebooting);
}

TEST_F(FollowerTest, AHoldLastsOverARestartWithoutTheServer) {
  assign(Wanted{.deployment = 5, .source = "2", .hold = "later"});
  boot("A");
  begin();
  settle();
  EXPECT_EQ(phase(), Phase::deferred);
  assign(Wanted{.deployment = 5, .source = "2"});
  EXPECT_EQ(phase(), Phase::rebooting);
}

TEST_F(FollowerTest, AHoldThatComesInTheMiddleHolds) {
  bench_.while_installing = [this] { follower_->assign(Wanted{.deployment = 5, .source = "2", .hold = "the window has closed"}); };
  assign(Wanted{.deployment = 5, .source = "2"});
  EXPECT_EQ(phase(), Phase::deferred);
  EXPECT_EQ(error(), kHeld.number);
}

TEST_F(FollowerTest, WhatIsPausedIsNotBegunAndStopsInTheMiddle) {
  assign(Wanted{.deployment = 5, .source = "2", .pause = "not now"});
  EXPECT_EQ(phase(), Phase::idle);
  ASSERT_TRUE(told_);
  EXPECT_EQ(told_->code.number, kPaused.number);
  bench_.while_installing = [this] { follower_->assign(Wanted{.deployment = 5, .source = "2", .pause = "not now"}); };
  assign(Wanted{.deployment = 5, .source = "2"});
  EXPECT_EQ(phase(), Phase::deferred);
  EXPECT_EQ(error(), kPaused.number);
  bench_.while_installing = {};
  assign(Wanted{.deployment = 5, .source = "2"});
  EXPECT_EQ(phase(), Phase::rebooting);
}

TEST_F(FollowerTest, WhatASharedSlotKeepsAwayGoesOnOnceThatNoLongerRefuses) {
  test::BenchSharedSlots slots;
  SharedSwitches switches(bench_.files, slots);
  ASSERT_TRUE(switches.written("boot", {}));
  slots.errors = {{"boot", storage::kEmmcRefuses}};
  ASSERT_TRUE(switches.commit());
  bench_.switches = &switches;
  boot("A");
  begin();
  assign(Wanted{.deployment = 5, .source = "2"});
  ASSERT_EQ(phase(), Phase::deferred);
  EXPECT_EQ(error(), update::kSlotRefuses.number);
  slots.errors.clear();
  std::jthread serving([&](const std::stop_token& stop) { updater_->serve(stop); });
  updater_->mend();
  for (int patience = 0; phase() != Phase::rebooting && patience < 10'000; ++patience) {
    if (const update::State state = updater_->status().state; state.phase == Phase::deferred) follower_->go_on(state);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  serving.request_stop();
  serving.join();
  EXPECT_EQ(phase(), Phase::rebooting);
  bench_.switches = nullptr;
}

TEST_F(FollowerTest, WhatWasDeferredGoesOnWithinItsWindowOnly) {
  const Wanted wanted{.deployment = 5, .source = "2", .policy = window_now()};
  bench_.while_installing = [this] {
    updater_->defer("deferred at the device until later");
    bench_.clock.advance(std::chrono::hours(4));
    bench_.while_installing = {};
  };
  assign(wanted);
  EXPECT_EQ(phase(), Phase::deferred);
  EXPECT_TRUE(follower_->held_back());
  ASSERT_TRUE(told_);
  EXPECT_EQ(told_->code.number, kOutsideWindow.number);
  follower_->ask();
  settle();
  EXPECT_EQ(phase(), Phase::deferred) << "whoever asks for it";
  bench_.clock.advance(std::chrono::hours(20));
  settle();
  EXPECT_EQ(phase(), Phase::rebooting);
}

TEST_F(FollowerTest, WhatIsReleasedIsInstalledWithinItsWindowOnly) {
  const protocol::InstallPolicy policy = window_now();
  assign(Wanted{.deployment = 5, .source = "2", .policy = policy, .hold = "later"});
  EXPECT_EQ(error(), kHeld.number);
  bench_.clock.advance(std::chrono::hours(4));
  assign(Wanted{.deployment = 5, .source = "2", .policy = policy});
  EXPECT_EQ(phase(), Phase::deferred);
  assign(Wanted{.deployment = 5, .source = "2"});
  EXPECT_EQ(phase(), Phase::rebooting) << "the window was taken away";
}

TEST_F(FollowerTest, WhatIsHeldAndThenPausedIsStillHeldAfterARestart) {
  assign(Wanted{.deployment = 5, .source = "2", .hold = "later"});
  assign(Wanted{.deployment = 5, .source = "2", .pause = "the server does not show it at this time"});
  boot("A");
  begin();
  settle();
  EXPECT_EQ(phase(), Phase::deferred);
}

TEST_F(FollowerTest, WhatIsWithdrawnIsCancelledAndWhatIsNewTakesItsPlace) {
  assign(Wanted{.deployment = 5, .source = "2", .hold = "later"});
  assign(Wanted{.deployment = 6, .source = "4"});
  EXPECT_EQ(phase(), Phase::rebooting);
  EXPECT_EQ(updater_->status().state.version, "4");
  EXPECT_THAT(bench_.told, testing::Contains(Phase::cancelled));
}

TEST_F(FollowerTest, NothingIsBegunWhoseHoldCannotBeKept) {
  HoldGate broken(folder_ / "missing/hold");
  Follower follower({.updater = *updater_,
                     .install_gate = install_gate_,
                     .hold_gate = broken,
                     .download_gate = download_gate_,
                     .cancel = [] {},
                     .tell = [this](std::uint64_t, const Error& why) { told_ = why; }});
  follower.assign(Wanted{.deployment = 5, .source = "2", .hold = "later"});
  updater_->run();
  EXPECT_EQ(phase(), Phase::idle);
  EXPECT_TRUE(told_);
}

TEST_F(FollowerTest, ConsentIsAPersonsAndForWhatWaitsForIt) {
  EXPECT_FALSE(follower_->accept());
  assign(Wanted{.deployment = 5, .source = "2", .policy = {.consent = true}});
  EXPECT_EQ(phase(), Phase::idle);
  EXPECT_TRUE(follower_->held_back());
  ASSERT_TRUE(told_);
  EXPECT_EQ(told_->code.number, kNeedsConsent.number);
  ASSERT_TRUE(follower_->accept());
  settle();
  EXPECT_EQ(phase(), Phase::rebooting);
}

}  // namespace
}  // namespace aloft::agent
