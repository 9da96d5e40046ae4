#include "net/http_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "net/errors.hpp"
#include "net/fake_server.hpp"

namespace aloft::net {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

std::unique_ptr<HttpClient> client() { return HttpClient::create({}).value(); }

TEST(HttpClient, SendsMethodHeadersAndBodyAndReturnsTheWholeAnswer) {
  FakeServer server([](const Received& received) {
    return Answer{.status = 201,
                  .headers = {"ETag: \"7\""},
                  .body = received.line() + "|" + received.header("X-Colour").value() + "|" + received.body};
  });
  const auto response =
      client()->send({.method = "PUT", .url = server.url("/things/1"), .headers = {{"X-Colour", "blue"}}, .body = "content"}).value();
  EXPECT_EQ(response.status, 201U);
  EXPECT_EQ(response.body, "PUT /things/1 HTTP/1.1|blue|content");
  EXPECT_EQ(response.header("etag"), "\"7\"");
  EXPECT_EQ(response.header("absent"), std::nullopt);
}

TEST(HttpClient, UsesOneConnectionForManyRequests) {
  FakeServer server([](const Received&) { return Answer{.body = "x"}; });
  auto http = client();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(http->send({.url = server.url()}).value().body, "x");
  EXPECT_EQ(server.requests(), 5U);
  EXPECT_EQ(server.connections(), 1U);
}

TEST(HttpClient, ForgetsTheLastRequestsOptions) {
  FakeServer server([](const Received& received) { return Answer{.body = received.line() + received.header("X-Once").value_or(" none")}; });
  auto http = client();
  ASSERT_TRUE(http->send({.method = "POST", .url = server.url(), .headers = {{"X-Once", "1"}}, .body = "b"}));
  EXPECT_EQ(http->send({.url = server.url()}).value().body, "GET / HTTP/1.1 none");
  EXPECT_EQ(http->send({.method = "HEAD", .url = server.url()}).value().body, "");
}

TEST(HttpClient, RefusesAnAnswerLargerThanItsLimit) {
  FakeServer server([](const Received&) { return Answer{.body = std::string(1001, 'x')}; });
  EXPECT_EQ(client()->send({.url = server.url(), .max_body_bytes = 1000}).error().code.number, kBodyTooLarge.number);
  EXPECT_TRUE(client()->send({.url = server.url(), .max_body_bytes = 1001}));
}

TEST(HttpClient, StreamsAGoodBodyToTheSinkAndKeepsAnErrorsBody) {
  FakeServer server([](const Received& received) {
    return received.line().contains("/good") ? Answer{.body = std::string(300'000, 'g')} : Answer{.status = 404, .body = "gone"};
  });
  std::string taken;
  std::uint64_t told = 0;
  Request request{.url = server.url("/good"), .max_body_bytes = 10};
  request.sink = [&](ByteView piece) -> Result<> {
    taken += as_text(piece);
    return {};
  };
  request.progress = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_EQ(total, 300'000U);
    told = done;
  };
  auto http = client();
  EXPECT_EQ(http->send(request).value().body, "");
  EXPECT_EQ(taken, std::string(300'000, 'g'));
  EXPECT_EQ(told, 300'000U);
  request.url = server.url("/bad");
  EXPECT_EQ(http->send(request).value().body, "gone");
  EXPECT_EQ(taken.size(), 300'000U);
}

TEST(HttpClient, TheSinksErrorEndsTheExchange) {
  FakeServer server([](const Received&) { return Answer{.body = std::string(300'000, 'g')}; });
  Request request{.url = server.url()};
  request.sink = [](ByteView) -> Result<> { return fail(kContentChanged, "no thanks"); };
  EXPECT_EQ(client()->send(request).error().message, "no thanks");
}

TEST(HttpClient, StreamsAFileWithProgress) {
  const auto path = std::filesystem::temp_directory_path() / ("aloft-upload-" + std::to_string(::getpid()));
  const std::string content(3'000'000, 'u');
  std::ofstream(path) << content;
  FakeServer server([&](const Received& received) { return Answer{.body = received.body == content ? "same" : "other"}; });
  std::uint64_t told = 0;
  Request request{.method = "POST", .url = server.url(), .body_file = path};
  request.progress = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_GE(done, told);
    EXPECT_EQ(total, content.size());
    told = done;
  };
  EXPECT_EQ(client()->send(request).value().body, "same");
  EXPECT_EQ(told, content.size());
  std::filesystem::remove(path);
  EXPECT_FALSE(client()->send(request));
}

TEST(HttpClient, TellsFailuresApart) {
  FakeServer breaks([](const Received&) { return Answer{.body = "12345", .break_after = 2}; });
  FakeServer stalls([](const Received&) { return Answer{.body = "12345", .stall_after = 2}; });
  FakeServer babbles([](const Received&) { return Answer{.status = 0}; });
  const int dead = ::socket(AF_INET, SOCK_STREAM, 0);  // bound, never listening: connections are refused
  sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(dead, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::getsockname(dead, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::vector<std::pair<Request, ErrorCode>> cases{
      {{.url = breaks.url()}, kConnectionBroken},
      {{.url = stalls.url(), .timeouts = {.stall = milliseconds(50)}}, kTimeout},
      {{.url = stalls.url(), .timeouts = {.total = milliseconds(50)}}, kTimeout},
      {{.url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port))}, kCannotConnect},
      {{.url = "http://nowhere.invalid/"}, kCannotResolve},
      {{.url = babbles.url()}, kBadReply},
      {{.url = "file:///etc/passwd"}, kBadUrl},
      {{.url = "http://exa mple/"}, kBadUrl},
  };
  for (const auto& [request, code] : cases) {
    const auto response = client()->send(request);
    ASSERT_FALSE(response) << request.url;
    EXPECT_EQ(response.error().code.name, code.name) << response.error().text();
  }
  ::close(dead);
}

TEST(HttpClient, CancelEndsALongPollAndEverythingAfterIt) {
  std::promise<void> asked;
  FakeServer server([&](const Received&) {
    asked.set_value();
    return Answer{.body = "late", .stall_after = 0};
  });
  auto http = client();
  auto poll = std::async(std::launch::async, [&] { return http->send({.url = server.url()}); });
  asked.get_future().wait();
  http->cancel();
  EXPECT_EQ(poll.get().error().code.number, kCancelled.number);
  EXPECT_EQ(http->send({.url = server.url()}).error().code.number, kCancelled.number);
}

TEST(HttpClient, RefusesHeadersWithLineBreaks) {
  EXPECT_FALSE(client()->send({.url = "http://127.0.0.1/", .headers = {{"X", "a\r\nInjected: b"}}}));
}

TEST(ExpectSuccess, DecodesTheServersError) {
  const auto refused = expect_success(
      {.status = 404, .body = R"({"error":{"number":9004,"name":"unknown-device","message":"no device cam-9"}})"}, "https://u:p@h/x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "https://h/x answered 404: E9004 unknown-device: no device cam-9");
}

TEST(ExpectSuccess, SortsStatuses) {
  EXPECT_TRUE(expect_success({.status = 204}, "http://h/"));
  EXPECT_TRUE(expect_success({.status = 304}, "http://h/"));
  const std::vector<std::pair<unsigned, ErrorCode>> cases{
      {301, kServerRefused}, {400, kServerRefused}, {401, kUnauthorized}, {429, kServerBusy}, {503, kServerBusy}};
  for (const auto& [status, code] : cases) {
    const auto result = expect_success({.status = status, .body = "<html>"}, "http://h/");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code.number, code.number) << status;
    EXPECT_THAT(result.error().message, HasSubstr(std::to_string(status)));
  }
}

TEST(WithoutSecrets, DropsUserAndPasswordQueryAndFragment) {
  EXPECT_EQ(without_secrets("sftp://me:pass%40@host:22/a/b"), "sftp://host:22/a/b");
  EXPECT_EQ(without_secrets("https://user@host/x?y=1"), "https://host/x?...");
  EXPECT_EQ(without_secrets("https://h/x?sig=1"), "https://h/x?...");
  EXPECT_EQ(without_secrets("https://h/x?a=1&X-Amz-Signature=2#token"), "https://h/x?...");
  EXPECT_EQ(without_secrets("https://h/x#token"), "https://h/x");
  EXPECT_EQ(without_secrets("::::"), "(malformed address)");
}

}  // namespace
}  // namespace aloft::net
