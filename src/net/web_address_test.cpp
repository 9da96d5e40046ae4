#include "net/web_address.hpp"

#include <gtest/gtest.h>

namespace aloft::net {
namespace {

TEST(OriginOf, NamesSchemeHostAndPort) {
  EXPECT_EQ(origin_of("https://Updates.Example.com/a/b?c=1"), "https://updates.example.com:443");
  EXPECT_EQ(origin_of("http://host:8080"), "http://host:8080");
  EXPECT_EQ(origin_of("http://host"), "http://host:80");
  EXPECT_EQ(origin_of("https://user:secret@host/"), "https://host:443");
  EXPECT_EQ(origin_of("https://[::1]:8443/x"), "https://[::1]:8443");
  for (const char* none : {"", "/path", "ftp://host/x", "host", "https://", "https://host:99999/"}) EXPECT_EQ(origin_of(none), "") << none;
}

TEST(OriginOf, IsAnotherForWhatOnlyLooksAlike) {
  const std::string mine = origin_of("https://updates.example.com");
  for (const char* other : {"https://updates.example.com.evil.org/", "https://updates.example.com@evil.org/", "http://updates.example.com/",
                            "https://updates.example.com:8443/"})
    EXPECT_NE(origin_of(other), mine) << other;
}

TEST(PathSegment, EscapesWhatIsNotUnreserved) {
  EXPECT_EQ(path_segment("cam-01_A.b~"), "cam-01_A.b~");
  EXPECT_EQ(path_segment("00:11/2?3#4 %"), "00%3A11%2F2%3F3%234%20%25");
  EXPECT_EQ(path_segment("\xc3\xa4"), "%C3%A4");
}

}  // namespace
}  // namespace aloft::net
