#include "fleet/natural_order.hpp"

#include <gtest/gtest.h>

namespace aloft::fleet {
namespace {

TEST(NaturalOrder, ComparesDigitsByValueAndLettersWithoutCase) {
  EXPECT_LT(natural_order("2.9", "2.10"), 0);
  EXPECT_GT(natural_order("100", "20"), 0);
  EXPECT_EQ(natural_order("Rev-B", "rev-b"), 0);
  EXPECT_EQ(natural_order("007", "7"), 0);
  EXPECT_LT(natural_order("", "a"), 0);
  EXPECT_LT(natural_order("1.2", "1.2-rc1"), 0);
  EXPECT_LT(natural_order("99999999999999999999998", "99999999999999999999999"), 0) << "longer than any integer type";
}

TEST(FitsPattern, KnowsWildcardsAndEscapes) {
  EXPECT_TRUE(fits_pattern("cam-01", "CAM-*"));
  EXPECT_TRUE(fits_pattern("aXbXc", "a*b*c"));
  EXPECT_FALSE(fits_pattern("aXbX", "a*b*c"));
  EXPECT_TRUE(fits_pattern("", "*"));
  EXPECT_FALSE(fits_pattern("a", ""));
  EXPECT_TRUE(fits_pattern("a*b", "a\\*b"));
  EXPECT_FALSE(fits_pattern("axb", "a\\*b"));
  EXPECT_TRUE(fits_pattern("a\\b", "a\\\\b"));
}

}  // namespace
}  // namespace aloft::fleet
