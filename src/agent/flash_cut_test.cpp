// The power-cut test on a device without a disk: kernels on NAND, roots in UBI volumes, U-Boot's environment on NAND, a boot loader and its
// firmware in volumes that exist once. The same updater, the same search: the power is cut at every erasure, write and bad-block mark, at
// every piece of a volume's update, and at every write and sync of the state partition.
#include <gtest/gtest.h>

#include <cstdio>
#include <ostream>

#include "agent/test_cut_searches.hpp"
#include "base/log.hpp"

namespace aloft::agent {
namespace {

using boot::test::NamedLoader;
using test::Deployment;
using test::Fault;
using test::PowerCutSearch;
using test::Story;
using update::Phase;
using Wish = Deployment::Wish;

const std::vector<Story>& flash_stories() {
  static const std::vector<Story> kFlashStories = {
      {"Good", {{"2"}}},
      {"Panics", {{"3-panics", Phase::rolled_back}}},
      {"Unhealthy", {{"3-unhealthy", Phase::rolled_back}}},
      {"AgainAfterFailure", {{"3-panics", Phase::rolled_back}, {"2"}}},
      {"Cancelled", {{"2", Phase::cancelled, Wish::cancel}, {"4"}}},
      {"ThereAndBack", {{"2"}, {"3-unhealthy", Phase::rolled_back}, {"4"}}},
  };
  return kFlashStories;
}

// Those whose state may lie on flash.
constexpr NamedLoader kOnFlashLoaders[] = {
    {"UbootOrder", boot::test::make_loader<boot::test::TestUbootOrder<boot::test::Counts::trials>>},
    {"UbootRaucScript", boot::test::make_loader<boot::test::TestUbootOrder<boot::test::Counts::every_boot>>},
    {"UbootBootcount", boot::test::make_loader<boot::test::TestUbootBootcount>, 2},
};

class FlashCut : public ::testing::TestWithParam<std::tuple<NamedLoader, std::size_t>> {
 protected:
  void SetUp() override { log::set_level(log::Level::error); }
  void search(test::SearchLimits limits) {
    const auto& [loader, number] = GetParam();
    PowerCutSearch search(loader, flash_stories()[number], Fault::none, limits, test::kOnFlash);
    test::expect_survived(search, 40U, std::string(loader.name) + " on flash, " + flash_stories()[number].name);
  }
};

TEST_P(FlashCut, AtEveryOperation) { search({.effort = test::all_cuts_wanted() ? test::Effort::thorough : test::Effort::quick}); }

class FlashCutPair : public FlashCut {};

TEST_P(FlashCutPair, AndAgainWhileMending) { search({.cuts_in_a_row = 2}); }

std::string flash_story_name(const ::testing::TestParamInfo<std::tuple<NamedLoader, std::size_t>>& tested) {
  return std::string(std::get<0>(tested.param).name) + flash_stories()[std::get<1>(tested.param)].name;
}

std::vector<NamedLoader> loaders_for_pairs() {
  return test::all_cuts_wanted() ? std::vector<NamedLoader>(std::begin(kOnFlashLoaders), std::end(kOnFlashLoaders))
                                 : std::vector<NamedLoader>();
}

using ::testing::Combine;
using ::testing::Range;
using ::testing::ValuesIn;

// All stories with the first loader; with the others the first few, unless ALOFT_CUTS=all.
std::vector<NamedLoader> further_loaders() { return {std::begin(kOnFlashLoaders) + 1, std::end(kOnFlashLoaders)}; }
std::size_t further_stories() { return test::all_cuts_wanted() ? flash_stories().size() : 3; }

INSTANTIATE_TEST_SUITE_P(Stories, FlashCut, Combine(::testing::Values(kOnFlashLoaders[0]), Range(std::size_t{0}, flash_stories().size())),
                         flash_story_name);
INSTANTIATE_TEST_SUITE_P(Further, FlashCut, Combine(ValuesIn(further_loaders()), Range(std::size_t{0}, further_stories())),
                         flash_story_name);
INSTANTIATE_TEST_SUITE_P(Stories, FlashCutPair, Combine(ValuesIn(loaders_for_pairs()), Range(std::size_t{0}, flash_stories().size())),
                         flash_story_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FlashCutPair);

struct Mistake {
  const char* name;
  Fault fault;
  const char* finding;
};
void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.name; }

class FlashCutMistakes : public ::testing::TestWithParam<Mistake> {};

TEST_P(FlashCutMistakes, AreFound) {
  log::set_level(log::Level::error);
  PowerCutSearch search(kOnFlashLoaders[0], {"", {{"2"}}}, GetParam().fault, {}, test::kOnFlash);
  const std::string found = search.run();
  EXPECT_FALSE(found.empty());
  EXPECT_TRUE(found.contains(GetParam().finding)) << found;
  std::printf("%s: %s\n", GetParam().name, found.c_str());
}

constexpr Mistake kMistakes[] = {
    {"TargetNotParked", Fault::target_not_parked, "may be booted, but holds no complete release"},
    {"StateNotSynced", Fault::state_not_synced, ""},
    {"SharedSwitchedEarly", Fault::shared_switched_early, "the slots that exist once are"},
};
INSTANTIATE_TEST_SUITE_P(All, FlashCutMistakes, ValuesIn(kMistakes), [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace aloft::agent
