#include "base/crc32.hpp"

#include <gtest/gtest.h>

namespace aloft {
namespace {

// The check value that every description of this CRC gives.
TEST(Crc32, OfTheDigits) { EXPECT_EQ(crc32(as_bytes("123456789")), 0xcbf43926U); }

TEST(Crc32, OfNothingIsZero) { EXPECT_EQ(crc32({}), 0U); }

TEST(Crc32, GoesOnWhereItStopped) { EXPECT_EQ(crc32(as_bytes("6789"), crc32(as_bytes("12345"))), 0xcbf43926U); }

TEST(Crc32, FindsItsWayBack) {
  const std::string text = "every byte counts";
  EXPECT_EQ(crc32_before(as_bytes(text), crc32(as_bytes(text), 0x12345678)), 0x12345678U);
  EXPECT_EQ(crc32_before({}, 7), 7U);
}

}  // namespace
}  // namespace aloft
