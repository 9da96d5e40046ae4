#include "httpd/message.hpp"

#include <gtest/gtest.h>

namespace aloft::httpd {
namespace {

TEST(Headers, AreFoundByTheirNamesInLowerCase) {
  Headers headers;
  EXPECT_EQ(headers.find("host"), "");
  headers.add("Host", "updates.example.com");
  headers.add("X-Empty", "");
  headers.add("AUTHORIZATION", "Bearer A~b");
  headers.add("host", "another");
  headers.add("", "nameless");
  EXPECT_EQ(headers.find("host"), "updates.example.com") << "the first counts";
  EXPECT_EQ(headers.find("x-empty"), "");
  EXPECT_EQ(headers.find("authorization"), "Bearer A~b") << "values keep their case";
  EXPECT_EQ(headers.find("hos"), "");
  EXPECT_EQ(headers.find("hostu"), "") << "a name ends where its value begins";
  EXPECT_EQ(headers.find("updates.example.com"), "");
}

TEST(Headers, MayBeMany) {
  Headers headers;
  for (int i = 0; i < 500; ++i) headers.add("X-" + std::to_string(i), std::string(static_cast<std::size_t>(i), 'v'));
  EXPECT_EQ(headers.find("x-499"), std::string(499, 'v'));
  EXPECT_EQ(headers.find("x-0"), "");
}

}  // namespace
}  // namespace aloft::httpd
