#include "agent/local_api.hpp"

#include <gtest/gtest.h>

#include "agent/errors.hpp"

namespace aloft::agent {
namespace {

TEST(LocalApi, WhatIsWrittenIsReadBack) {
  for (const LocalRequest& request :
       {LocalRequest{.verb = Verb::status, .uri = {}}, LocalRequest{.verb = Verb::install, .uri = "/a \"b\".aloft"},
        LocalRequest{.verb = Verb::defer, .uri = {}, .defer_for = std::chrono::seconds(90)}}) {
    const std::string line = request_line(request);
    ASSERT_TRUE(line.ends_with("\n"));
    const auto read = parse_local_request(std::string_view(line).substr(0, line.size() - 1));
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->verb, request.verb);
    EXPECT_EQ(read->uri, request.uri);
    EXPECT_EQ(read->defer_for, request.defer_for);
  }
}

TEST(LocalApi, WhatIsNotUnderstoodIsRefused) {
  for (const char* line : {"", "{}", "[]", "null", "status", R"({"do":"format"})", R"({"do":7})", R"({"do":"status","do":"status"})",
                           R"({"do":"status","now":true})", R"({"do":"install"})", R"({"do":"install","uri":""})",
                           R"({"do":"install","uri":"a\u0000b"})", R"({"do":"defer"})", R"({"do":"defer","seconds":-1})",
                           R"({"do":"defer","seconds":1.5})", R"({"do":"defer","seconds":99999999})", R"({"do":"status"} x)"})
    EXPECT_FALSE(parse_local_request(line)) << line;
  EXPECT_FALSE(parse_local_request(std::string(kMaxRequestBytes + 1, ' ')));
}

struct Allowed {
  Verb verb;
  Peer peer;
  std::optional<gid_t> control_group;
  bool expected;
};

TEST(LocalApi, AnyoneMayLookRootAndTheGroupMayAct) {
  const Peer root{.uid = 0, .groups = {0}};
  const Peer member{.uid = 1000, .groups = {1000, 27}};
  const Peer stranger{.uid = 1001, .groups = {1001}};
  const Allowed table[] = {
      {Verb::status, stranger, {}, true},   {Verb::watch, stranger, {}, true},   {Verb::history, stranger, {}, true},
      {Verb::install, root, {}, true},      {Verb::install, member, 27, true},   {Verb::install, member, {}, false},
      {Verb::install, stranger, 27, false}, {Verb::cancel, stranger, 27, false}, {Verb::defer, stranger, 27, false},
      {Verb::check, stranger, 27, false},   {Verb::cancel, member, 27, true},
  };
  for (const Allowed& row : table) {
    const auto allowed = authorise(row.verb, row.peer, row.control_group);
    EXPECT_EQ(allowed.has_value(), row.expected) << static_cast<int>(row.verb) << " uid " << row.peer.uid;
    if (!allowed) {
      EXPECT_EQ(allowed.error().code.number, kNotAllowed.number);
    }
  }
}

}  // namespace
}  // namespace aloft::agent
