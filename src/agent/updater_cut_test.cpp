// The power-cut test: whole updates on a simulated device, with the power cut at every write and sync of slots, state partition and boot
// state, whatever becomes of unflushed writes; then the boot loader's walk and the real code until the device has settled.
// ALOFT_CUTS=all in the environment: every story twice in a row, and what became of unflushed writes in finer steps (./dev lab campaign).
#include <gtest/gtest.h>

#include <ostream>
#include <tuple>

#include "agent/test_cut_searches.hpp"
#include "base/log.hpp"

namespace aloft::agent {
namespace {

using boot::test::NamedLoader;
using test::Deployment;
using test::Fault;
using test::PowerCutSearch;
using test::SearchLimits;
using test::Story;
using update::Phase;
using Wish = Deployment::Wish;

const std::vector<Story>& stories() {
  static const std::vector<Story> kStories = {
      {"Good", {{"2"}}},
      {"Panics", {{"3-panics", Phase::rolled_back}}},
      {"Unhealthy", {{"3-unhealthy", Phase::rolled_back}}},
      {"NoKernel", {{"3-no-kernel", Phase::rolled_back}}},
      {"AgainAfterFailure", {{"3-panics", Phase::rolled_back}, {"2"}}},
      {"Cancelled", {{"2", Phase::cancelled, Wish::cancel}, {"4"}}},
      {"Deferred", {{"2", Phase::committed, Wish::defer_first}}},
      {"Held", {{"2", Phase::committed, Wish::hold}}},
      {"HeldThenFails", {{"3-unhealthy", Phase::rolled_back, Wish::hold}, {"2"}}},
      {"ThereAndBack", {{"2"}, {"3-unhealthy", Phase::rolled_back}, {"4"}}},
  };
  return kStories;
}

class PowerCut : public ::testing::TestWithParam<std::tuple<NamedLoader, std::size_t>> {
 protected:
  void SetUp() override { log::set_level(log::Level::error); }

  void search(SearchLimits limits) {
    const auto& [loader, number] = GetParam();
    PowerCutSearch search(loader, stories()[number], Fault::none, limits);
    test::expect_survived(search, 20U, std::string(loader.name) + ", " + stories()[number].name);
  }
};

TEST_P(PowerCut, AtEveryOperation) { search({.effort = test::all_cuts_wanted() ? test::Effort::thorough : test::Effort::quick}); }

class PowerCutPair : public PowerCut {};

TEST_P(PowerCutPair, AndAgainWhileMending) { search({.cuts_in_a_row = 2}); }

using ::testing::Range;

std::string story_name(const ::testing::TestParamInfo<std::tuple<NamedLoader, std::size_t>>& tested) {
  return std::string(std::get<0>(tested.param).name) + stories()[std::get<1>(tested.param)].name;
}

std::size_t stories_for_pairs() { return test::all_cuts_wanted() ? stories().size() : 2; }

INSTANTIATE_TEST_SUITE_P(Stories, PowerCut,
                         ::testing::Combine(::testing::ValuesIn(boot::test::kLoaders), Range(std::size_t{0}, stories().size())),
                         story_name);
INSTANTIATE_TEST_SUITE_P(Stories, PowerCutPair,
                         ::testing::Combine(::testing::ValuesIn(boot::test::kLoaders), Range(std::size_t{0}, stories_for_pairs())),
                         story_name);

}  // namespace
}  // namespace aloft::agent
