#include "base/json.hpp"

#include <gtest/gtest.h>

namespace aloft {
namespace {

TEST(ParseJson, RefusesWhatOthersGuessAt) {
  const char* bad[] = {"",
                       "{",
                       "{} x",
                       R"({"a":1,"a":2})",
                       R"({"b":{"a":1,"a":1}})",
                       "[1,]",
                       "\"\xff\"",
                       "// c\n1",
                       "\xef\xbb\xbf{}",
                       "NaN",
                       "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]"};
  for (const char* text : bad) EXPECT_FALSE(parse_json(text)) << text;
  EXPECT_TRUE(parse_json(R"({"a":[{"a":1},{"a":2}]})"));
}

TEST(JsonObject, NoticesUnknownMembersButNotPrivateOnes) {
  const Json json = *parse_json(R"({"known":1,"x-note":2,"new":3})");
  auto object = *JsonObject::of(json, "thing");
  EXPECT_EQ(*object.number("known"), 1U);
  const auto rest = object.no_more();
  ASSERT_FALSE(rest);
  EXPECT_NE(rest.error().message.find("\"new\""), std::string::npos);
}

TEST(JsonObject, NumbersAreWholeUnsignedAndBounded) {
  const Json json = *parse_json(R"({"a":-1,"b":1.0,"c":1e3,"d":18446744073709551616,"e":18446744073709551615,"f":5})");
  auto object = *JsonObject::of(json, "thing");
  for (const char* key : {"a", "b", "c", "d", "missing"}) EXPECT_FALSE(object.number(key)) << key;
  EXPECT_EQ(*object.number("e"), UINT64_MAX);
  EXPECT_FALSE(object.number("f", 4));
}

}  // namespace
}  // namespace aloft
