#include "base/sizes.hpp"

#include <gtest/gtest.h>

#include "base/errors.hpp"

namespace aloft {
namespace {

TEST(Sizes, AreNumbersWithAUnitOrWithout) {
  EXPECT_EQ(parse_size("0").value(), 0U);
  EXPECT_EQ(parse_size("500").value(), 500U);
  EXPECT_EQ(parse_size("64K").value(), 65'536U);
  EXPECT_EQ(parse_size("20M").value(), 20'971'520U);
  EXPECT_EQ(parse_size("5G").value(), std::uint64_t{5} << 30);
  EXPECT_EQ(parse_size("2T").value(), std::uint64_t{2} << 40);
  EXPECT_EQ(parse_size("18446744073709551615").value(), UINT64_MAX);
}

TEST(Sizes, WhatIsNoSizeIsRefused) {
  for (const char* text : {"", "K", "-1", "+1", " 1", "1 ", "1k", "1KB", "1.5G", "0x10", "18446744073709551616", "16777216T", "nan"}) {
    const auto size = parse_size(text);
    ASSERT_FALSE(size) << text;
    EXPECT_EQ(size.error().code.number, kBadArgument.number) << text;
  }
}

TEST(Sizes, ByNameAndNoneTakesOneAway) {
  EXPECT_EQ(parse_sizes({"devices=500", "artifact_bytes=20G", "webhooks=none"}).value(),
            (Json{{"devices", 500}, {"artifact_bytes", std::uint64_t{20} << 30}, {"webhooks", nullptr}}));
  EXPECT_EQ(parse_sizes({}).value(), Json::object());
  for (const char* word : {"devices", "=5", "devices=", "devices=five", "devices=None"}) EXPECT_FALSE(parse_sizes({word})) << word;
  EXPECT_FALSE(parse_sizes({"devices=1", "devices=2"}));
}

}  // namespace
}  // namespace aloft
