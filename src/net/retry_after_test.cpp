#include "net/retry_after.hpp"

#include <gtest/gtest.h>

namespace aloft::net {
namespace {

using std::chrono::seconds;

TEST(RetryAfter, IsWholeSecondsAndNothingElse) {
  EXPECT_EQ(parse_retry_after("0"), seconds(0));
  EXPECT_EQ(parse_retry_after("120"), seconds(120));
  EXPECT_EQ(parse_retry_after("99999999999999999999"), seconds(UINT32_MAX)) << "which each caller bounds by its own patience";
  for (const char* none : {"", "-5", "+5", "5s", "5 ", " 5", "1.5", "Fri, 31 Dec 1999 23:59:59 GMT"})
    EXPECT_EQ(parse_retry_after(none), std::nullopt) << none;
}

}  // namespace
}  // namespace aloft::net
