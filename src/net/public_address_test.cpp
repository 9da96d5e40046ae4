#include "net/public_address.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>

namespace aloft::net {
namespace {

bool is_public_text(const char* text) {
  sockaddr_storage storage{};
  sockaddr_in v4{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {}, .sin_zero = {}};
  sockaddr_in6 v6{.sin6_family = AF_INET6, .sin6_port = 0, .sin6_flowinfo = 0, .sin6_addr = {}, .sin6_scope_id = 0};
  if (::inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    std::memcpy(&storage, &v4, sizeof v4);
  } else {
    EXPECT_EQ(::inet_pton(AF_INET6, text, &v6.sin6_addr), 1) << text;
    std::memcpy(&storage, &v6, sizeof v6);
  }
  sockaddr address{};
  std::memcpy(&address, &storage, sizeof address);
  return is_public(*reinterpret_cast<const sockaddr*>(&storage));
}

TEST(PublicAddress, IsNoWayIntoTheServersOwnNetwork) {
  for (const char* text : {"127.0.0.1",        "127.255.255.255", "0.0.0.0",         "10.0.0.1",   "172.16.0.1",
                           "172.31.255.255",   "192.168.1.1",     "169.254.169.254", "100.64.0.1", "198.18.0.1",
                           "224.0.0.1",        "255.255.255.255", "192.0.2.7",       "::",         "::1",
                           "fe80::1",          "fc00::1",         "fd12::1",         "ff02::1",    "::ffff:8.8.8.8",
                           "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",   "2001::1",    "2001:db8::1"})
    EXPECT_FALSE(is_public_text(text)) << text;
}

TEST(PublicAddress, IsTheRestOfTheWorld) {
  for (const char* text : {"8.8.8.8", "1.1.1.1", "11.0.0.1", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "192.167.1.1",
                           "223.255.255.255", "2001:4860:4860::8888", "2a00:1450::1", "2620:fe::fe"})
    EXPECT_TRUE(is_public_text(text)) << text;
}

TEST(PublicAddress, IsAnInternetAddress) {
  sockaddr address{};
  address.sa_family = AF_UNIX;
  EXPECT_FALSE(is_public(address));
}

}  // namespace
}  // namespace aloft::net
