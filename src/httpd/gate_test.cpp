#include "httpd/gate.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace aloft::httpd {
namespace {

TEST(Gate, IsClosedWhileItsHandshakesAreUnderWay) {
  Gate gate;
  const Gate::Time now{};
  std::vector<Gate::Pass> passes;
  while (gate.open(now)) passes.push_back(gate.enter(now));
  EXPECT_EQ(passes.size(), Gate::kMost);
  passes.back().done();
  EXPECT_TRUE(gate.open(now)) << "one has ended";
  passes.back().done();
  passes.push_back(gate.enter(now));
  EXPECT_FALSE(gate.open(now)) << "an end counts once";
  passes.clear();
  EXPECT_TRUE(gate.open(now)) << "those that broke off have ended too";
}

TEST(Gate, WaitsForNobodyWhoIsSlow) {
  Gate gate;
  const Gate::Time begin{};
  std::vector<Gate::Pass> passes;
  while (gate.open(begin)) passes.push_back(gate.enter(begin));
  EXPECT_FALSE(gate.open(begin + Gate::kYoung / 2));
  EXPECT_TRUE(gate.open(begin + Gate::kYoung));
  passes.push_back(gate.enter(begin + Gate::kYoung));
  passes.front().done();
  EXPECT_TRUE(gate.open(begin + Gate::kYoung)) << "the end of one that no longer counts is no trouble";
}

}  // namespace
}  // namespace aloft::httpd
