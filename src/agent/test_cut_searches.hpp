// For tests: searches through all power cuts as test cases.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "agent/test_power_cuts.hpp"
#include "storage/test_cut_search.hpp"

namespace aloft::agent::test {

using storage::test::all_cuts_wanted;

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
