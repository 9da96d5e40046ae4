#include "httpd/range.hpp"

#include <gtest/gtest.h>

#include "httpd/errors.hpp"

namespace aloft::httpd {
namespace {

struct Case {
  const char* header;
  std::uint64_t total;
  std::uint64_t offset;
  std::uint64_t size;
};
class GoodRange : public ::testing::TestWithParam<Case> {};

TEST_P(GoodRange, IsCutToWhatThereIs) {
  const auto range = parse_range(GetParam().header, GetParam().total);
  ASSERT_TRUE(range && *range);
  EXPECT_EQ((*range)->offset_bytes, GetParam().offset);
  EXPECT_EQ((*range)->size_bytes, GetParam().size);
}

INSTANTIATE_TEST_SUITE_P(Ranges, GoodRange,
                         ::testing::Values(Case{"bytes=0-0", 10, 0, 1}, Case{"bytes=0-9", 10, 0, 10}, Case{"bytes=3-", 10, 3, 7},
                                           Case{"bytes=9-99", 10, 9, 1}, Case{"bytes=-4", 10, 6, 4}, Case{"bytes=-40", 10, 0, 10},
                                           Case{"bytes=0-18446744073709551615", UINT64_MAX, 0, UINT64_MAX}));

class IgnoredRange : public ::testing::TestWithParam<const char*> {};

TEST_P(IgnoredRange, MeansTheWhole) {
  const auto range = parse_range(GetParam(), 10);
  ASSERT_TRUE(range);
  EXPECT_FALSE(*range);
}

INSTANTIATE_TEST_SUITE_P(Ranges, IgnoredRange,
                         ::testing::Values("", "bytes", "bytes=", "bytes=-", "bytes=a-", "bytes=1-b", "bytes=5-4", "bytes=1-2,4-5",
                                           "items=1-2", "Bytes=1-2", "bytes= 1-2", "bytes=18446744073709551616-",
                                           "bytes=1-18446744073709551616", "bytes=+1-2"));

TEST(Range, BehindTheEndIsAnError) {
  for (const char* header : {"bytes=10-", "bytes=10-12", "bytes=18446744073709551615-", "bytes=-0"})
    EXPECT_EQ(parse_range(header, 10).error().code.number, kBadRange.number) << header;
  EXPECT_EQ(parse_range("bytes=-1", 0).error().code.number, kBadRange.number);
}

}  // namespace
}  // namespace aloft::httpd
