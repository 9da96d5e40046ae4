#include "server/tenant_name.hpp"

#include <gtest/gtest.h>

namespace aloft::server {
namespace {

TEST(TenantName, IsOneLabelOfAHostName) {
  for (const char* good : {"a", "acme", "acme-2", "0", "a--b"}) EXPECT_TRUE(check_tenant_name(good)) << good;
  EXPECT_TRUE(check_tenant_name(std::string(40, 'a')));
  EXPECT_FALSE(check_tenant_name(std::string(41, 'a')));
  for (const char* bad : {"", "-a", "a-", "A", "a.b", "a/b", "..", ".", "a_b", "a b", "default", "ä", "a\n"})
    EXPECT_FALSE(check_tenant_name(bad)) << bad;
  EXPECT_FALSE(check_tenant_name(std::string_view("a\0b", 3)));
}

TEST(TenantName, HostNamesAreWholeOnes) {
  for (const char* good : {"updates.example.com", "localhost", "a.b-c.d1", "1.example"}) EXPECT_TRUE(check_host_name(good)) << good;
  for (const char* bad : {"", ".", "a..b", ".a", "a.", "A.b", "a:80", "127.0.0.1", "[::1]", "a b", "-a.b", "*.a"})
    EXPECT_FALSE(check_host_name(bad)) << bad;
  EXPECT_FALSE(check_host_name(std::string(64, 'a')));
  std::string longest = "a";
  while (longest.size() < 252) longest += ".a";
  EXPECT_TRUE(check_host_name(longest));
  EXPECT_FALSE(check_host_name(longest + ".a"));
}

TEST(TenantName, TheHeaderIsReadAsClientsWriteIt) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"acme.updates.example", "acme.updates.example"},
      {"ACME.Updates.Example:8443", "acme.updates.example"},
      {"acme.updates.example.", "acme.updates.example"},
      {"acme.updates.example.:443", "acme.updates.example"},
      {"[::1]:8443", "[::1]"},
      {"[::1]", "[::1]"},
      {"[::1", ""},
      {"127.0.0.1:1", "127.0.0.1"},
  };
  for (const auto& [header, host] : cases) EXPECT_EQ(host_of(header), host) << header;
}

TEST(TenantName, WhatStandsUnderTheDomainIsATenants) {
  EXPECT_EQ(label_under("acme.up.example", "up.example"), "acme");
  EXPECT_EQ(label_under("a.b.up.example", "up.example"), "a.b") << "which is nobody's name, and not the server's own site either";
  EXPECT_EQ(label_under("up.example", "up.example"), "");
  EXPECT_EQ(label_under(".up.example", "up.example"), "");
  EXPECT_EQ(label_under("acmeup.example", "up.example"), "");
  EXPECT_EQ(label_under("other.example", "up.example"), "");
  EXPECT_EQ(label_under("", "up.example"), "");
}

}  // namespace
}  // namespace aloft::server
