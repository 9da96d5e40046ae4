// The power-cut test on other layouts than A/B: three groups, and a normal system with a recovery system that installs. The same search,
// the same invariants: at every cut some group boots and holds a complete release, and the device settles with a truthful report.
#include <gtest/gtest.h>

#include "agent/test_cut_searches.hpp"
#include "base/log.hpp"

namespace aloft::agent {
namespace {

using test::Deployment;
using test::Fault;
using test::Layout;
using test::PowerCutSearch;
using test::SearchLimits;
using test::Story;
using update::Phase;
using Wish = Deployment::Wish;

struct LayoutStory {
  const char* name;
  const Layout* layout;
  Story story;
  bool on_every_loader = false;  // else on the first few, unless ALOFT_CUTS=all
};

const std::vector<LayoutStory>& layout_stories() {
  static const std::vector<LayoutStory> kLayoutStories = {
      {"ThreeGroupsInTurn", &test::kThreeGroups, {"", {{"2"}, {"4"}, {"5"}}}, true},
      {"ThreeGroupsAfterFailure",
       &test::kThreeGroups,
       {"", {{"3-panics", Phase::rolled_back}, {"2"}, {"3-unhealthy", Phase::rolled_back}}}},
      {"RecoveryInstalls", &test::kNormalAndRecovery, {"", {{"2"}}}},
      {"RecoveryInstallsTwice", &test::kNormalAndRecovery, {"", {{"2"}, {"4"}}}},
      {"RecoveryAfterPanic", &test::kNormalAndRecovery, {"", {{"3-panics", Phase::rolled_back}, {"4"}}}, true},
      {"RecoveryAfterNoKernel", &test::kNormalAndRecovery, {"", {{"3-no-kernel", Phase::rolled_back}, {"4"}}}},
      {"RecoveryAfterUnhealthy", &test::kNormalAndRecovery, {"", {{"3-unhealthy", Phase::rolled_back}, {"4"}}}},
      {"RecoveryCancelled", &test::kNormalAndRecovery, {"", {{"2", Phase::cancelled, Wish::cancel}, {"4"}}}},
      {"RecoveryDeferred", &test::kNormalAndRecovery, {"", {{"2", Phase::committed, Wish::defer_first}}}},
      {"RecoveryHeld",
       &test::kNormalAndRecovery,
       {"", {{"2", Phase::committed, Wish::hold}, {"3-panics", Phase::rolled_back, Wish::hold}}}},
      {"RecoveryIsReplaced", &test::kNormalAndRecovery, {"", {{"1-recovery-next"}, {"2"}}}, true},
      {"RecoveryIsReplacedBadly", &test::kNormalAndRecovery, {"", {{"1-recovery-panics", Phase::rolled_back}, {"1-recovery-next"}, {"2"}}}},
  };
  return kLayoutStories;
}

using Tested = std::pair<boot::test::NamedLoader, std::size_t>;

std::vector<Tested> all_tested() {
  constexpr std::size_t kFirstFew = 3;
  std::vector<Tested> all;
  for (std::size_t loader = 0; loader < std::size(boot::test::kLoaders); ++loader)
    for (std::size_t number = 0; number < layout_stories().size(); ++number) {
      const LayoutStory& each = layout_stories()[number];
      const bool fits = each.layout->groups.size() <= boot::test::kLoaders[loader].most_slots &&
                        (each.layout != &test::kNormalAndRecovery || boot::test::kLoaders[loader].takes_recovery);
      if (fits && (test::all_cuts_wanted() || loader < kFirstFew || each.on_every_loader))
        all.emplace_back(boot::test::kLoaders[loader], number);
    }
  return all;
}

// A recovery system that installs has the most steps that a second cut may meet; the others with ALOFT_CUTS=all.
std::vector<Tested> tested_twice() {
  std::vector<Tested> all = all_tested();
  if (test::all_cuts_wanted()) return all;
  std::erase_if(all, [](const Tested& tested) {
    return std::string_view(tested.first.name) != boot::test::kLoaders[0].name ||
           std::string_view(layout_stories()[tested.second].name) != "RecoveryInstalls";
  });
  return all;
}

class LayoutCut : public ::testing::TestWithParam<Tested> {
 protected:
  void SetUp() override { log::set_level(log::Level::error); }

  void search(SearchLimits limits) {
    const auto& [loader, number] = GetParam();
    const LayoutStory& tested = layout_stories()[number];
    PowerCutSearch search(loader, tested.story, Fault::none, limits, *tested.layout);
    test::expect_survived(search, 20U, std::string(loader.name) + ", " + tested.name);
  }
};

TEST_P(LayoutCut, AtEveryOperation) { search({}); }

class LayoutCutPair : public LayoutCut {};

TEST_P(LayoutCutPair, AndAgainWhileMending) { search({.cuts_in_a_row = 2}); }

std::string layout_story_name(const ::testing::TestParamInfo<Tested>& each) {
  return std::string(each.param.first.name) + layout_stories()[each.param.second].name;
}

INSTANTIATE_TEST_SUITE_P(Layouts, LayoutCut, ::testing::ValuesIn(all_tested()), layout_story_name);
INSTANTIATE_TEST_SUITE_P(Layouts, LayoutCutPair, ::testing::ValuesIn(tested_twice()), layout_story_name);

// The search finds the mistake of a detour: a normal system that is written while the boot loader may still choose it.
TEST(LayoutCutFault, ATargetThatIsNotParkedIsFound) {
  log::set_level(log::Level::error);
  PowerCutSearch search(boot::test::kLoaders[0], {"", {{"2"}}}, Fault::target_not_parked, {}, test::kNormalAndRecovery);
  EXPECT_NE(search.run(), "");
}

}  // namespace
}  // namespace aloft::agent
