// For tests: searches through all power cuts as test cases.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "agent/test_power_cuts.hpp"

namespace aloft::agent::test {

// ALOFT_CUTS=all in the environment (./dev lab campaign simulated): what takes too long for every day, too.
inline bool all_cuts_wanted() {
  const char* const asked = std::getenv("ALOFT_CUTS");
  return asked && std::string_view(asked) == "all";
}

// Nothing is found, and there was something to cut. Its numbers are printed, and recorded with the test.
inline void expect_survived(PowerCutSearch& search, std::uint64_t least_operations, const std::string& what) {
  EXPECT_EQ(search.run(), "");
  EXPECT_GT(search.operations(), least_operations);
  ::testing::Test::RecordProperty("operations", std::to_string(search.operations()));
  ::testing::Test::RecordProperty("cuts", std::to_string(search.cuts()));
  ::testing::Test::RecordProperty("lives", std::to_string(search.lives()));
  std::printf("%s: %llu operations, %llu power cuts, %llu different states lived through\n", what.c_str(),
              static_cast<unsigned long long>(search.operations()), static_cast<unsigned long long>(search.cuts()),
              static_cast<unsigned long long>(search.lives()));
}

}  // namespace aloft::agent::test
