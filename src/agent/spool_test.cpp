#include "agent/spool.hpp"

#include <gtest/gtest.h>

#include "agent/test_folder.hpp"
#include "base/file.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

using protocol::UpdateState;

class Spool : public testing::Test {
 protected:
  std::unique_ptr<ReportSpool> open() { return ReportSpool::open(folder_ / "reports"); }
  static Event transition(std::uint64_t deployment, std::uint64_t number, UpdateState state, std::uint64_t update = 1) {
    return Event{.deployment = deployment, .update = update, .transition = number, .state = state, .message = {}, .progress_permille = {}};
  }
  static Event progress(std::uint64_t deployment, std::uint64_t permille) {
    return Event{.deployment = deployment, .update = 1, .state = UpdateState::installing, .message = {}, .progress_permille = permille};
  }
  test::Folder folder_;
  FakeClock clock_;
};

// What is refused would be sent again and again, and nothing behind it would arrive.
TEST_F(Spool, AnyMessageIsOneThatTheServerTakes) {
  const auto spool = open();
  for (const std::string& text : {std::string(3000, '\xff'), std::string(3000, '\1'), std::string(3000, '"'), std::string("\xc3\xa4", 2)}) {
    Event event = transition(7, spool->size() + 1, UpdateState::failed);
    event.message = text;
    ASSERT_TRUE(spool->add(clock_.now(), event));
  }
  for (const auto& again : {spool->oldest(10), open()->oldest(10)}) {
    ASSERT_EQ(again.size(), 4U);
    const Json json = protocol::to_json(protocol::Reports{.reports = again, .version = {}, .problem = {}});
    EXPECT_TRUE(protocol::from_json<protocol::Reports>(json));
    EXPECT_LT(json.dump().size() * (protocol::kMaxReports / 4), 2U << 20);
    EXPECT_EQ(again[3].message, "\xc3\xa4");
  }
}

TEST_F(Spool, KeepsReportsAndNumbersOverARestart) {
  {
    const auto spool = open();
    ASSERT_TRUE(spool->add(clock_.now(), transition(7, 1, UpdateState::offered)));
    ASSERT_TRUE(spool->add(clock_.now(), transition(7, 2, UpdateState::accepted)));
    ASSERT_TRUE(spool->acknowledge(spool->oldest(1)));
  }
  const auto spool = open();
  ASSERT_TRUE(spool->add(clock_.now(), progress(7, 500)));
  const auto reports = spool->oldest(10);
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(reports[0].state, UpdateState::accepted);
  EXPECT_EQ(reports[0].sequence, 2U);
  EXPECT_EQ(reports[1].sequence, 3U);
  EXPECT_EQ(reports[1].progress_permille, 500U);
}

TEST_F(Spool, NumbersGoOnAfterEverythingWasAcknowledged) {
  {
    const auto spool = open();
    ASSERT_TRUE(spool->add(clock_.now(), transition(7, 1, UpdateState::offered)));
    ASSERT_TRUE(spool->acknowledge(spool->oldest(10)));
    EXPECT_EQ(spool->size(), 0U);
  }
  const auto spool = open();
  ASSERT_TRUE(spool->add(clock_.now(), transition(7, 2, UpdateState::accepted)));
  EXPECT_EQ(spool->oldest(1).at(0).sequence, 2U);
}

TEST_F(Spool, ATransitionToldAgainIsReportedOnce) {
  {
    const auto spool = open();
    ASSERT_TRUE(spool->add(clock_.now(), transition(7, 1, UpdateState::offered)));
    ASSERT_TRUE(spool->add(clock_.now(), transition(7, 2, UpdateState::accepted)));
  }
  const auto spool = open();
  ASSERT_TRUE(spool->add(clock_.now(), transition(7, 1, UpdateState::offered)));
  ASSERT_TRUE(spool->add(clock_.now(), transition(7, 2, UpdateState::accepted)));
  EXPECT_EQ(spool->size(), 2U);
  ASSERT_TRUE(spool->add(clock_.now(), transition(8, 1, UpdateState::offered)));
  EXPECT_EQ(spool->oldest(3).at(2).sequence, 1U) << "another deployment begins anew";
}

TEST_F(Spool, ADeploymentThatIsBegunAgainIsReportedAgain) {
  {
    const auto spool = open();
    ASSERT_TRUE(spool->add(clock_.now(), transition(7, 5, UpdateState::deferred, 1)));
    ASSERT_TRUE(spool->add(clock_.now(), transition(7, 3, UpdateState::failed, 3)));
    ASSERT_TRUE(spool->acknowledge(spool->oldest(1)));
  }
  const auto spool = open();
  ASSERT_TRUE(spool->add(clock_.now(), transition(7, 3, UpdateState::failed, 3)));
  const auto reports = spool->oldest(10);
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].state, UpdateState::failed);
  EXPECT_EQ(reports[0].sequence, 2U);
}

TEST_F(Spool, ADeploymentThatIsBegunAgainUnderTheSameNumberIsReportedAgain) {
  const auto made = [](std::uint64_t number, UpdateState state, std::uint64_t time_ms) {
    Event event = transition(7, number, state);
    event.time_ms = time_ms;
    return event;
  };
  for (const bool acknowledged : {false, true}) {
    fs::remove(folder_ / "reports");
    {
      const auto spool = open();
      ASSERT_TRUE(spool->add(clock_.now(), made(1, UpdateState::offered, 1000)));
      ASSERT_TRUE(spool->add(clock_.now(), made(2, UpdateState::accepted, 1001)));
      ASSERT_TRUE(spool->acknowledge(spool->oldest(acknowledged ? 2 : 0)));
    }
    const auto spool = open();
    const std::size_t before = spool->size();
    ASSERT_TRUE(spool->add(clock_.now(), made(1, UpdateState::offered, 1000)));
    ASSERT_TRUE(spool->add(clock_.now(), made(2, UpdateState::accepted, 1001)));
    EXPECT_EQ(spool->size(), before) << "told again after a restart";
    ASSERT_TRUE(spool->add(clock_.now(), made(1, UpdateState::offered, 2000)));
    ASSERT_TRUE(spool->add(clock_.now(), made(2, UpdateState::accepted, 2001)));
    ASSERT_EQ(spool->size(), before + 2) << "the journal was lost";
    EXPECT_EQ(spool->oldest(10).back().sequence, 4U);
    const auto again = open();
    ASSERT_TRUE(again->add(clock_.now(), made(1, UpdateState::offered, 2000)));
    EXPECT_EQ(again->size(), before + 2);
  }
}

TEST_F(Spool, ALostJournalBeginsToCountUpdatesAnew) {
  const auto spool = open();
  ASSERT_TRUE(spool->add(clock_.now(), transition(7, 5, UpdateState::deferred, 4)));
  ASSERT_TRUE(spool->add(clock_.now(), transition(7, 1, UpdateState::offered, 1)));
  EXPECT_EQ(spool->size(), 2U);
}

TEST_F(Spool, NumbersOfADeploymentGoOnAfterOnesOfAnother) {
  {
    const auto spool = open();
    ASSERT_TRUE(spool->add(clock_.now(), transition(7, 4, UpdateState::committed, 1)));
    for (std::uint64_t number = 1; number <= 3; ++number)
      ASSERT_TRUE(spool->add(clock_.now(), transition(8, number, UpdateState::accepted, 2)));
    ASSERT_TRUE(spool->acknowledge(spool->oldest(10)));
  }
  const auto spool = open();
  ASSERT_TRUE(spool->add(clock_.now(), transition(7, 4, UpdateState::committed, 1)));
  EXPECT_EQ(spool->size(), 0U) << "it was told";
  ASSERT_TRUE(spool->add(clock_.now(), transition(8, 4, UpdateState::committed, 2)));
  EXPECT_EQ(spool->oldest(1).at(0).sequence, 4U);
}

TEST_F(Spool, WhatIsKnownOfDeploymentsIsBounded) {
  const auto spool = open();
  for (std::uint64_t deployment = 1; deployment <= 200; ++deployment) {
    ASSERT_TRUE(spool->add(clock_.now(), transition(deployment, 1, UpdateState::offered, deployment)));
    ASSERT_TRUE(spool->acknowledge(spool->oldest(1)));
  }
  EXPECT_LT(read_file(folder_ / "reports").value().size(), 4096U);
  ASSERT_TRUE(spool->add(clock_.now(), transition(190, 2, UpdateState::accepted, 190)));
  EXPECT_EQ(spool->oldest(1).at(0).sequence, 2U);
}

TEST_F(Spool, AFileOfAnOlderAgentIsGoneOnWith) {
  ASSERT_TRUE(replace_file(folder_ / "reports",
                           "{\"deployment\":7,\"next\":6,\"transition\":5}\n"
                           "{\"deployment\":7,\"sequence\":6,\"state\":\"armed\",\"time_ms\":1,\"transition\":6}\n"));
  const auto spool = open();
  EXPECT_EQ(spool->size(), 1U);
  ASSERT_TRUE(spool->add(clock_.now(), transition(7, 6, UpdateState::armed, 1)));
  EXPECT_EQ(spool->size(), 1U) << "told again";
  ASSERT_TRUE(spool->add(clock_.now(), transition(7, 7, UpdateState::rebooting, 1)));
  ASSERT_EQ(spool->size(), 2U);
  EXPECT_EQ(spool->oldest(2).at(1).sequence, 7U);
}

TEST_F(Spool, ATornLastLineIsDropped) {
  {
    const auto spool = open();
    ASSERT_TRUE(spool->add(clock_.now(), transition(7, 1, UpdateState::offered)));
    ASSERT_TRUE(spool->add(clock_.now(), transition(7, 2, UpdateState::accepted)));
  }
  const std::string whole = read_file(folder_ / "reports").value();
  const auto lines = static_cast<std::size_t>(std::ranges::count(whole, '\n'));
  ASSERT_EQ(lines, 3U);
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    ASSERT_TRUE(replace_file(folder_ / "reports", std::string_view(whole).substr(0, cut)));
    const auto spool = open();
    const auto kept = static_cast<std::size_t>(std::ranges::count(std::string_view(whole).substr(0, cut), '\n'));
    EXPECT_EQ(spool->size(), kept == 0 ? 0 : kept - 1) << "cut at " << cut;
    ASSERT_TRUE(spool->add(clock_.now(), transition(7, 9, UpdateState::failed)));
    EXPECT_EQ(open()->size(), spool->size()) << "cut at " << cut;
  }
}

TEST_F(Spool, AFileThatCannotBeReadIsSetAside) {
  std::filesystem::create_directory(folder_ / "reports");
  const auto spool = open();
  EXPECT_EQ(spool->size(), 0U);
  EXPECT_TRUE(std::filesystem::is_directory(folder_ / "reports.bad"));
  ASSERT_TRUE(spool->add(clock_.now(), transition(7, 1, UpdateState::offered)));
  EXPECT_EQ(spool->oldest(1).at(0).sequence, 1'700'000'000U) << "above what the server may have";
  EXPECT_EQ(open()->oldest(1).at(0).sequence, 1'700'000'000U);
}

TEST_F(Spool, MembersOfTheWrongKindAreNone) {
  ASSERT_TRUE(replace_file(folder_ / "reports", R"({"deployment":"7","next":-1,"transition":null})"
                                                "\n[]\n{\"deployment\":{}}\n"));
  const auto spool = open();
  EXPECT_EQ(spool->size(), 0U);
  EXPECT_TRUE(spool->add(clock_.now(), transition(7, 1, UpdateState::offered)));
}

TEST_F(Spool, ANumberThatNoServerTakesIsNone) {
  for (const char* next : {"0", "9223372036854775807", "18446744073709551615"}) {
    ASSERT_TRUE(replace_file(folder_ / "reports", R"({"deployment":7,"transition":0,"next":)" + std::string(next) + "}\n"));
    const auto spool = open();
    EXPECT_TRUE(spool->add(clock_.now(), transition(7, 1, UpdateState::offered)));
    EXPECT_EQ(spool->oldest(1).at(0).sequence, 1U) << next;
  }
}

TEST_F(Spool, FullItDropsProgressFirst) {
  const auto spool = open();
  ASSERT_TRUE(spool->add(clock_.now(), transition(7, 1, UpdateState::offered)));
  for (std::uint64_t step = 0; step < kMaxSpooledReports + 10; ++step) ASSERT_TRUE(spool->add(clock_.now(), progress(7, step % 1000)));
  ASSERT_TRUE(spool->add(clock_.now(), transition(7, 2, UpdateState::failed)));
  const auto reports = spool->oldest(kMaxSpooledReports * 2);
  EXPECT_EQ(reports.size(), kMaxSpooledReports);
  EXPECT_EQ(reports.front().state, UpdateState::offered);
  EXPECT_EQ(reports.back().state, UpdateState::failed);
}

TEST_F(Spool, AnyTextBecomesAMessage) {
  const auto spool = open();
  Event event = transition(7, 1, UpdateState::failed);
  event.message = std::string("\xff\xc3") + std::string(5000, 'x') + "\n\"";
  ASSERT_TRUE(spool->add(clock_.now(), event));
  EXPECT_EQ(open()->oldest(1).at(0).message, spool->oldest(1).at(0).message);
  EXPECT_LT(spool->oldest(1).at(0).message.size(), 4096U);
}

}  // namespace
}  // namespace aloft::agent
