#include "agent/download_plan.hpp"

#include <gtest/gtest.h>

#include "agent/errors.hpp"

namespace aloft::agent {
namespace {

using M = DownloadMethod;
using Reuse = ImageWays::Reuse;

struct Case {
  const char* what;
  std::vector<ImageWays> images;
  std::vector<M> methods;
  std::uint64_t bytes;
};

TEST(DownloadPlan, TakesTheFewestBytesForEachImage) {
  const std::vector<Case> cases{
      {"nothing to do", {}, {}, 0},
      {"only the bundle", {{.full_bytes = 100}}, {M::full}, 100},
      {"a delta", {{.full_bytes = 100, .delta_bytes = 2}}, {M::delta}, 2},
      {"a delta as large as the image is no use", {{.full_bytes = 100, .delta_bytes = 100}}, {M::full}, 100},
      {"a delta larger than the image", {{.full_bytes = 100, .delta_bytes = 101}}, {M::full}, 100},
      {"reuse, guessed", {{.full_bytes = 100, .reuse = Reuse{.index_bytes = 4}}}, {M::reuse}, 29},
      {"reuse whose index costs too much", {{.full_bytes = 100, .reuse = Reuse{.index_bytes = 75}}}, {M::full}, 100},
      {"reuse, known to miss nearly all", {{.full_bytes = 100, .reuse = Reuse{.index_bytes = 0, .missing_bytes = 100}}}, {M::full}, 100},
      {"reuse, known to miss little",
       {{.full_bytes = 100, .delta_bytes = 20, .reuse = Reuse{.index_bytes = 1, .missing_bytes = 5}}},
       {M::reuse},
       6},
      {"a delta beats a guess", {{.full_bytes = 100, .delta_bytes = 28, .reuse = Reuse{.index_bytes = 4}}}, {M::delta}, 28},
      {"a guess beats a bad delta", {{.full_bytes = 100, .delta_bytes = 60, .reuse = Reuse{.index_bytes = 4}}}, {M::reuse}, 29},
      {"each image by itself",
       {{.full_bytes = 100, .delta_bytes = 2}, {.full_bytes = 7}, {.full_bytes = 50, .reuse = Reuse{.index_bytes = 1, .missing_bytes = 3}}},
       {M::delta, M::full, M::reuse},
       13},
  };
  for (const Case& one : cases) {
    const DownloadPlan plan = plan_download(one.images);
    EXPECT_EQ(plan.images, one.methods) << one.what;
    EXPECT_EQ(plan.expected_bytes, one.bytes) << one.what;
  }
}

TEST(DownloadPlan, KeepsToTheLimits) {
  const auto number = [](const DownloadLimits& limits, std::uint64_t spent, std::uint64_t expected) {
    const auto checked = check_limits(limits, spent, expected);
    return checked ? 0 : checked.error().code.number;
  };
  const DownloadLimits none;
  const DownloadLimits hundred{.bytes = 100, .why = "x"};
  EXPECT_EQ(number(none, 1U << 30, 1U << 30), 0);
  EXPECT_EQ(number(hundred, 0, 100), 0);
  EXPECT_EQ(number(hundred, 0, 101), kOverBudget.number);
  EXPECT_EQ(number(hundred, 60, 40), 0);
  EXPECT_EQ(number(hundred, 60, 41), kOverBudget.number);
  EXPECT_EQ(number(hundred, 200, 0), 0) << "nothing more is fetched";
  EXPECT_EQ(number(hundred, 200, 1), kOverBudget.number);
  EXPECT_EQ(number({.bytes = 0, .why = "x"}, 0, 1), kOverBudget.number);
  EXPECT_EQ(number({.wait = true, .why = "x"}, 0, 0), kMeteredLink.number);
  EXPECT_EQ(none.left(5), UINT64_MAX);
  EXPECT_EQ(hundred.left(30), 70U);
  EXPECT_TRUE(is_for_later(Error{kOverBudget, ""}));
  EXPECT_TRUE(is_for_later(Error{kFallbackLimit, ""}));
  EXPECT_FALSE(is_for_later(Error{kBadUri, ""}));
}

}  // namespace
}  // namespace aloft::agent
