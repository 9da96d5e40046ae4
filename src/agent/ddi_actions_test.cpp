#include "agent/ddi_actions.hpp"

#include <gtest/gtest.h>

#include "agent/test_folder.hpp"
#include "base/file.hpp"

namespace aloft::agent {
namespace {

bool never(std::uint64_t) { return false; }

TEST(DdiActions, AnActionHasItsOwnNumber) {
  const test::Folder folder;
  DdiActions actions(folder / "actions", "https://h/t/controller/v1/d");
  EXPECT_EQ(actions.number_of("17", "aa", never).value(), 17U);
  EXPECT_EQ(actions.number_of("17", "aa", never).value(), 17U);
  EXPECT_EQ(actions.named("17")->number, 17U);
  EXPECT_EQ(actions.numbered(17)->action, "17");
  EXPECT_FALSE(actions.named("18"));
}

TEST(DdiActions, OfAnotherContentItIsAnotherUpdate) {
  const test::Folder folder;
  DdiActions actions(folder / "actions", "https://h/t/controller/v1/d");
  EXPECT_EQ(actions.number_of("1", "aa", never).value(), 1U);
  const auto again = actions.number_of("1", "bb", never).value();
  EXPECT_NE(again, 1U);
  EXPECT_EQ(actions.named("1")->number, again) << "the later one counts";
  EXPECT_EQ(actions.numbered(again)->action, "1");
}

TEST(DdiActions, AnotherServerCountsForItself) {
  const test::Folder folder;
  EXPECT_EQ(DdiActions(folder / "actions", "https://one").number_of("1", "aa", never).value(), 1U);
  DdiActions other(folder / "actions", "https://two");
  EXPECT_FALSE(other.named("1"));
  EXPECT_FALSE(other.latest());
  EXPECT_NE(other.number_of("1", "aa", never).value(), 1U);
  EXPECT_EQ(other.numbered(1)->server, "https://one");
}

TEST(DdiActions, TakesNoNumberOfAnEarlierUpdate) {
  const test::Folder folder;
  DdiActions actions(folder / "actions", "https://h");
  const auto taken = [](std::uint64_t number) { return number == 5 || number == 2'147'483'647; };
  EXPECT_EQ(actions.number_of("5", "aa", taken).value(), 2'147'483'646U);
}

TEST(DdiActions, NumbersWhatIsNoNumber) {
  const test::Folder folder;
  DdiActions actions(folder / "actions", "https://h");
  EXPECT_EQ(actions.number_of("3f2a-77", "aa", never).value(), 2'147'483'647U);
  EXPECT_EQ(actions.number_of("99999999999", "aa", never).value(), 2'147'483'646U);
  EXPECT_EQ(actions.number_of("0", "aa", never).value(), 2'147'483'645U);
}

TEST(DdiActions, SurvivesARestartAndForgetsTheOldest) {
  const test::Folder folder;
  {
    DdiActions actions(folder / "actions", "https://h");
    for (std::size_t i = 1; i <= kMaxDdiActions + 1; ++i) ASSERT_TRUE(actions.number_of(std::to_string(i), "aa", never));
  }
  const DdiActions actions(folder / "actions", "https://h");
  EXPECT_FALSE(actions.named("1"));
  EXPECT_TRUE(actions.named("2"));
  EXPECT_EQ(actions.latest()->action, std::to_string(kMaxDdiActions + 1));
}

TEST(DdiActions, AFileThatIsNoneKnowsNothing) {
  const test::Folder folder;
  ASSERT_TRUE(replace_file(folder / "actions", "{\"actions\":[{}]}", 0600));
  DdiActions actions(folder / "actions", "https://h");
  EXPECT_FALSE(actions.latest());
  EXPECT_EQ(actions.number_of("1", "aa", never).value(), 1U);
}

TEST(DdiActions, WhatCannotBeKeptIsNotBegun) {
  const test::Folder folder;
  DdiActions actions(folder / "missing/actions", "https://h");
  EXPECT_FALSE(actions.number_of("1", "aa", never));
  EXPECT_FALSE(actions.latest());
}

}  // namespace
}  // namespace aloft::agent
