// How many power cuts the searches of this program looked at, all together; docs/power-cuts.md promises a number.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "agent/test_power_cuts.hpp"

namespace aloft::agent {
namespace {

constexpr std::uint64_t kPromised = 20'000;

class Totals : public ::testing::Environment {
 public:
  // After the last test.
  void TearDown() override {
    const test::SearchTotals& totals = test::search_totals();
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    std::printf("all searches: %llu power cuts in %llu stories left %llu different states, each lived through; %lld s of CPU time\n",
                static_cast<unsigned long long>(totals.cuts), static_cast<unsigned long long>(totals.searches),
                static_cast<unsigned long long>(totals.lives), static_cast<long long>(used.ru_utime.tv_sec));
    const bool ran_all = GTEST_FLAG_GET(filter) == "*" && !GTEST_FLAG_GET(list_tests);
    EXPECT_TRUE(!ran_all || totals.cuts * shards() >= kPromised) << totals.cuts;
  }

 private:
  // The program may be run in parts, side by side.
  static std::uint64_t shards() {
    const char* const text = std::getenv("GTEST_TOTAL_SHARDS");
    return text ? std::max(1UL, std::strtoul(text, nullptr, 10)) : 1;
  }
};

// GoogleTest owns it.
[[maybe_unused]] const ::testing::Environment* const kTotals = ::testing::AddGlobalTestEnvironment(new Totals);

}  // namespace
}  // namespace aloft::agent
