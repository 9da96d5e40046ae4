#include "httpd/target.hpp"

#include <gtest/gtest.h>

#include "httpd/errors.hpp"

namespace aloft::httpd {
namespace {

TEST(Target, IsTakenApart) {
  const auto target = parse_target("/api/v1/devices/cam%2d01?limit=5&after=a+b%26c&empty&=x");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/api/v1/devices/cam%2d01");
  EXPECT_EQ(target->segments, (std::vector<std::string>{"api", "v1", "devices", "cam-01"}));
  EXPECT_EQ(target->query.at("limit"), "5");
  EXPECT_EQ(target->query.at("after"), "a b&c");
  EXPECT_EQ(target->query.at("empty"), "");
  EXPECT_EQ(target->query.at(""), "x");
}

TEST(Target, TheRootHasNoSegments) {
  EXPECT_TRUE(parse_target("/")->segments.empty());
  EXPECT_TRUE(parse_target("/?x=1")->segments.empty());
}

TEST(Target, PlusIsASpaceInQueriesOnly) { EXPECT_EQ(parse_target("/a+b")->segments.front(), "a+b"); }

class BadTarget : public ::testing::TestWithParam<const char*> {};

TEST_P(BadTarget, IsRefused) {
  const auto target = parse_target(GetParam());
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().code.number, kBadRequest.number);
}

INSTANTIATE_TEST_SUITE_P(Tricks, BadTarget,
                         ::testing::Values("", "x", "http://host/", "//", "/a//b", "/a/", "/.", "/a/..", "/%2e%2e/x", "/%2E", "/a%2fb",
                                           "/a%5cb", "/%00", "/%0a", "/%zz", "/%4", "/%", "/a?x=%", "/a?x=1&x=2", "/a?x=%0d%0a",
                                           "/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g/h"));

TEST(Target, HasAWrittenLength) {
  EXPECT_TRUE(parse_target("/" + std::string(kMaxTargetBytes - 1, 'a')));
  EXPECT_FALSE(parse_target("/" + std::string(kMaxTargetBytes, 'a')));
}

}  // namespace
}  // namespace aloft::httpd
