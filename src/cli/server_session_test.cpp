#include "cli/server_session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/server_errors.hpp"
#include "cli/server_release.hpp"
#include "cli/server_watch.hpp"
#include "net/errors.hpp"
#include "net/fake_server.hpp"

namespace aloft::cli {
namespace {

using net::Answer;
using net::FakeServer;
using net::Received;
using testing::HasSubstr;

ServerSession session_with(const FakeServer& server) {
  return ServerSession::open({.server = server.url(""), .certificate = std::nullopt, .user = "ann", .token = "t0k"}).value();
}

std::string event(int id, const std::string& type, const Json& data) {
  return "id: " + std::to_string(id) + "\nevent: " + type + "\ndata: " + data.dump() + "\n\n";
}

Json transition(const std::string& state, std::uint64_t ms) { return {{"state", state}, {"received_ms", ms}}; }

TEST(ServerSession, CarriesTheTokenAndTheServersError) {
  FakeServer server([](const Received& received) {
    if (received.header("Authorization") != "Bearer t0k") return Answer{.status = 401};
    if (received.line().contains("/missing"))
      return Answer{.status = 404, .body = R"({"error":{"number":9001,"name":"unknown","message":"no such thing"}})"};
    return Answer{.body = R"({"line":")" + received.line() + R"("})"};
  });
  auto session = session_with(server);
  EXPECT_EQ(session.get("/api/v1/session").value()["line"], "GET /api/v1/session HTTP/1.1");
  EXPECT_THAT(session.post("/missing", {{"a", 1}}).error().message, HasSubstr("E9001 unknown: no such thing"));
  auto stranger = ServerSession::open({.server = server.url("")}).value();
  EXPECT_EQ(stranger.get("/").error().code.number, net::kUnauthorized.number);
}

TEST(ServerSession, ListsPageAfterPageUpToTheLimit) {
  std::vector<std::string> asked;
  FakeServer server([&](const Received& received) {
    asked.push_back(received.line());
    if (received.line().contains("before=8")) return Answer{.body = R"({"releases":[{"id":7}]})"};
    return Answer{.body = R"({"releases":[{"id":9},{"id":8}],"next_before":8})"};
  });
  auto session = session_with(server);
  const ServerSession::Listing listing{.path = "/r?product=p", .list = "releases", .next = "next_before", .parameter = "before"};
  EXPECT_EQ(session.list(listing, 1000).value().size(), 3U);
  EXPECT_THAT(asked, testing::ElementsAre("GET /r?product=p&limit=1000 HTTP/1.1", "GET /r?product=p&limit=998&before=8 HTTP/1.1"));
  EXPECT_EQ(session.list(listing, 2).value().size(), 2U);
}

TEST(FindRelease, WantsExactlyOneOfThatVersion) {
  const Json release{{"id", 4},           {"product", "p"},  {"hardware", {"a"}},  {"version", "2"},        {"security_version", 0},
                     {"description", ""}, {"size_bytes", 1}, {"sha256", ""},       {"manifest_sha256", ""}, {"signers", Json::array()},
                     {"verified", true},  {"created_ms", 1}, {"created_by", "ann"}};
  Json releases = Json::array();
  FakeServer server([&](const Received&) { return Answer{.body = Json{{"releases", releases}}.dump()}; });
  auto session = session_with(server);
  EXPECT_EQ(find_release(session, {.release = "12"}).value(), 12U);
  EXPECT_EQ(find_release(session, {.release = "0"}).error().code.number, kNoSuchRelease.number);
  EXPECT_EQ(find_release(session, {.version = "2"}).error().code.number, kNoSuchRelease.number);
  releases.push_back(release);
  EXPECT_EQ(find_release(session, {.version = "2"}).value(), 4U);
  releases.push_back(release);
  EXPECT_EQ(find_release(session, {.version = "2"}).error().code.number, kNoSuchRelease.number);
}

TEST(UrlPart, EncodesWhatHasAMeaningInAddresses) { EXPECT_EQ(url_part("a b/c?d&e=f~1.2"), "a%20b%2fc%3fd%26e%3df~1.2"); }

TEST(Watch, SaysEveryStateOnceAndSucceedsOnlyWhenCommitted) {
  const std::string stream = event(1, "transition", transition("offered", 1'000)) + ":\n" +
                             event(2, "transition", {{"state", "installing"}, {"received_ms", 2'500}, {"progress_permille", 100}}) +
                             event(3, "transition", {{"state", "installing"}, {"received_ms", 3'000}, {"progress_permille", 900}}) +
                             event(4, "transition", transition("committed", 9'900)) +
                             event(5, "end", {{"state", "committed"}, {"device", "cam-1"}});
  FakeServer server([&](const Received&) { return Answer{.body = stream}; });
  auto session = session_with(server);
  testing::internal::CaptureStdout();
  EXPECT_TRUE(watch_deployment(session, 5, {}));
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            "00:00:01    +0.0 s  offered\n"
            "00:00:02    +1.5 s  installing\n"
            "00:00:09    +8.9 s  committed\n");
}

TEST(Watch, TakesATimeThatIsNone) {
  const std::string stream =
      event(1, "transition", transition("committed", 0)) + event(2, "end", {{"state", "committed"}, {"device", "cam-1"}});
  FakeServer server([&](const Received&) { return Answer{.body = stream}; });
  auto session = session_with(server);
  testing::internal::CaptureStdout();
  EXPECT_TRUE(watch_deployment(session, 5, {}));
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "-    +0.0 s  committed\n");
}

TEST(Watch, FailsWithTheDevicesError) {
  const Json ended{{"state", "rolled-back"}, {"device", "cam-1"}, {"error", 6002}, {"message", "check net failed"}};
  FakeServer server([&](const Received&) { return Answer{.body = event(9, "end", ended)}; });
  auto session = session_with(server);
  const auto watched = watch_deployment(session, 5, {});
  ASSERT_FALSE(watched);
  EXPECT_EQ(watched.error().code.number, kNotCommitted.number);
  EXPECT_EQ(watched.error().message, "deployment 5 on cam-1 ended as rolled-back  E6002 check net failed");
}

TEST(Watch, TakesUpABrokenStreamBehindTheLastEvent) {
  const std::string first = event(7, "transition", transition("offered", 1'000)) + "id: 8\ndata: ";
  FakeServer server([&](const Received& received) {
    if (received.index == 0) return Answer{.body = first + "lost", .break_after = first.size()};
    EXPECT_EQ(received.header("Last-Event-ID"), "7");
    return Answer{.body =
                      event(8, "transition", transition("committed", 2'000)) + event(8, "end", {{"state", "committed"}, {"device", "d"}})};
  });
  auto session = session_with(server);
  testing::internal::CaptureStdout();
  EXPECT_TRUE(watch_deployment(session, 5, {.json = true}));
  const std::string out = testing::internal::GetCapturedStdout();
  EXPECT_EQ(std::ranges::count(out, '\n'), 3);
  EXPECT_EQ(server.requests(), 2U);
}

TEST(Watch, EndsAtItsTimeoutAndAtARefusal) {
  FakeServer silent([](const Received&) { return Answer{.body = ":\n", .stall_after = 0}; });
  auto session = session_with(silent);
  EXPECT_EQ(watch_deployment(session, 5, {.timeout = std::chrono::seconds(1)}).error().code.number, kWatchTimeout.number);
  FakeServer refuses([](const Received&) { return Answer{.status = 404}; });
  auto refused = session_with(refuses);
  EXPECT_EQ(watch_deployment(refused, 5, {}).error().code.number, net::kServerRefused.number);
}

}  // namespace
}  // namespace aloft::cli
