#include "agent/follower.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/test_bench.hpp"
#include "agent/test_folder.hpp"

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

  const test::Folder folder_;
  InstallGate install_gate_{folder_ / "consent", bench_.clock};
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
