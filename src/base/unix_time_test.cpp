#include "base/unix_time.hpp"

#include <gtest/gtest.h>

namespace aloft {
namespace {

TEST(UnixTime, IsInMillisecondsAndNeverBefore1970) {
  using std::chrono::milliseconds;
  EXPECT_EQ(unix_ms(WallTime(milliseconds(1'700'000'000'123))), 1'700'000'000'123U);
  EXPECT_EQ(unix_ms(WallTime(milliseconds(-1))), 0U);
}

}  // namespace
}  // namespace aloft
