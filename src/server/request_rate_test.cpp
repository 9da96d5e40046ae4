#include "server/request_rate.hpp"

#include <gtest/gtest.h>

namespace aloft::server {
namespace {

SteadyTime at(int ms) { return SteadyTime(std::chrono::milliseconds(ms)); }

int taken(RequestRate& rate, std::uint64_t who, int tries, SteadyTime now) {
  int count = 0;
  for (int n = 0; n < tries; ++n) count += rate.take(who, now) ? 0 : 1;
  return count;
}

TEST(RequestRate, WithoutALimitAllGoOn) {
  RequestRate rate;
  EXPECT_EQ(taken(rate, 1, 10'000, at(0)), 10'000);
  EXPECT_EQ(rate.known(), 0U);
}

TEST(RequestRate, OneHasHalfOfItAndAllTogetherTheWhole) {
  RequestRate rate;
  rate.set(10);
  EXPECT_EQ(taken(rate, 1, 100, at(0)), 10) << "two seconds' worth of a half at once";
  EXPECT_EQ(taken(rate, 2, 100, at(0)), 10) << "the other has its own";
  EXPECT_EQ(taken(rate, 3, 100, at(0)), 0) << "and now all is used";
  EXPECT_EQ(taken(rate, 1, 100, at(1000)), 5);
  EXPECT_EQ(taken(rate, 3, 100, at(1000)), 5);
  EXPECT_EQ(taken(rate, 3, 100, at(60'000)), 10) << "it fills up to two seconds' worth, not more";
}

TEST(RequestRate, OverAMinuteItIsTheRate) {
  RequestRate rate;
  rate.set(4);
  int count = 0;
  for (int ms = 0; ms < 60'000; ms += 10) count += taken(rate, 1, 1, at(ms)) + taken(rate, 2, 1, at(ms));
  EXPECT_NEAR(count, 4 * 60 + 8, 2);
}

TEST(RequestRate, TellsHowLongToWait) {
  RequestRate rate;
  rate.set(2);
  EXPECT_EQ(taken(rate, 1, 2, at(0)), 2);
  EXPECT_EQ(rate.take(1, at(0)), std::chrono::seconds(1));
  EXPECT_EQ(rate.take(1, at(999)), std::chrono::seconds(1)) << "a whole second at least";
  EXPECT_EQ(rate.take(1, at(1000)), std::nullopt);
}

TEST(RequestRate, RemembersABoundedNumber) {
  RequestRate rate;
  rate.set(10);
  for (std::uint64_t who = 0; who < 5000; ++who) (void)rate.take(who, at(static_cast<int>(who)));
  EXPECT_LE(rate.known(), 1000U);
}

TEST(RequestRate, ANewLimitCountsFromNow) {
  RequestRate rate;
  rate.set(2);
  EXPECT_EQ(taken(rate, 1, 9, at(0)), 2);
  rate.set(100);
  EXPECT_EQ(taken(rate, 1, 1000, at(0)), 100);
  rate.set(std::nullopt);
  EXPECT_EQ(taken(rate, 1, 1000, at(0)), 1000);
}

}  // namespace
}  // namespace aloft::server
