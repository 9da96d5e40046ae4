#include "server/operator_access.hpp"

#include <gtest/gtest.h>

#include "httpd/router.hpp"
#include "server/errors.hpp"

namespace aloft::server {
namespace {

class StandingClock : public Clock {
 public:
  WallTime now() override { return WallTime{std::chrono::milliseconds{1'000'000}}; }
  SteadyTime steady() override { return {}; }
};

class OperatorAccessTest : public ::testing::Test {
 protected:
  OperatorAccessTest() {
    access_.tokens().put({.id = 7,
                          .kind = fleet::AccessToken::Kind::session,
                          .user = "ann",
                          .roles = static_cast<fleet::Roles>(fleet::Role::operate),
                          .hash = hash_of("good"),
                          .created_ms = 1});
  }
  std::uint16_t refusal(httpd::Method method, httpd::Headers headers) {
    httpd::Request request{.method = method, .pattern = "/api/v1/devices/{name}", .headers = std::move(headers)};
    const auto found = access_.check(request);
    EXPECT_EQ(found ? found->user : "ann", "ann");
    return found ? 0 : found.error().code.number;
  }
  StandingClock clock_;
  OperatorAccess access_{clock_};
  const std::string cookie_ = "theme=dark; " + std::string(kSessionCookie) + "=good; x=y";
};

TEST(NewSession, SaysWhatBeganItInPrintableAscii) {
  httpd::Request request{.headers = {{"user-agent", "Fire\x1b[31mfox\xc3\xa9" + std::string(300, 'x')}}, .peer = "192.0.2.1"};
  const fleet::AccessToken session = new_session(request, "secret", 1000);
  EXPECT_EQ(session.client, "Fire?[31mfox??" + std::string(242, 'x'));
  EXPECT_EQ(session.address, "192.0.2.1");
  EXPECT_EQ(session.used_ms, 1000U);
  EXPECT_EQ(new_session({}, "secret", 1000).client, "");
}

TEST_F(OperatorAccessTest, TakesABearerOrTheCookie) {
  EXPECT_EQ(refusal(httpd::Method::post, {{"authorization", "Bearer good"}}), 0);
  EXPECT_EQ(refusal(httpd::Method::get, {{"cookie", cookie_}}), 0);
  EXPECT_EQ(refusal(httpd::Method::post, {{"cookie", cookie_}, {"x-aloft-console", "1"}, {"sec-fetch-site", "same-origin"}}), 0);
}

TEST_F(OperatorAccessTest, RefusesStrangers) {
  EXPECT_EQ(refusal(httpd::Method::get, {}), kNotAuthenticated.number);
  EXPECT_EQ(refusal(httpd::Method::get, {{"cookie", std::string(kSessionCookie) + "=bad"}}), kNotAuthenticated.number);
  EXPECT_EQ(refusal(httpd::Method::get, {{"cookie", "aloft-session=good"}}), kNotAuthenticated.number);
  EXPECT_EQ(refusal(httpd::Method::get, {{"cookie", std::string(kSessionCookie)}}), kNotAuthenticated.number);
}

TEST_F(OperatorAccessTest, ABadHeaderIsNotMadeGoodByTheCookie) {
  EXPECT_EQ(refusal(httpd::Method::get, {{"authorization", "Bearer bad"}, {"cookie", cookie_}}), kNotAuthenticated.number);
  EXPECT_EQ(refusal(httpd::Method::get, {{"authorization", "Basic good"}, {"cookie", cookie_}}), kNotAuthenticated.number);
}

TEST_F(OperatorAccessTest, NoForeignPageActsWithTheCookie) {
  EXPECT_EQ(refusal(httpd::Method::post, {{"cookie", cookie_}}), kForeignPage.number);
  EXPECT_EQ(refusal(httpd::Method::del, {{"cookie", cookie_}}), kForeignPage.number);
  EXPECT_EQ(refusal(httpd::Method::post, {{"cookie", cookie_}, {"x-aloft-console", "1"}, {"sec-fetch-site", "cross-site"}}),
            kForeignPage.number);
  EXPECT_EQ(refusal(httpd::Method::get, {{"cookie", cookie_}, {"sec-fetch-site", "same-site"}}), kForeignPage.number);
}

TEST_F(OperatorAccessTest, TheRoleMustAllowIt) {
  httpd::Request request{.method = httpd::Method::post, .pattern = "/api/v1/users", .headers = {{"authorization", "Bearer good"}}};
  EXPECT_EQ(access_.check(request).error().code.number, kNotPermitted.number);
  EXPECT_TRUE(access_.identify(request));
  access_.tokens().set_roles("ann", static_cast<fleet::Roles>(fleet::Role::admin));
  EXPECT_TRUE(access_.check(request)) << "in force at once";
}

TEST_F(OperatorAccessTest, WhatGoesOnEndsWithItsTokenOrRole) {
  const auto begin = [this](const char* pattern) {
    const httpd::Request request{.method = httpd::Method::get, .pattern = pattern, .headers = {{"authorization", "Bearer good"}}};
    return access_.still_may(request, access_.check(request).value());
  };
  const auto put = [this](std::uint64_t expires_ms, fleet::Role role) {
    access_.tokens().put({.id = 7,
                          .kind = fleet::AccessToken::Kind::session,
                          .user = "ann",
                          .roles = static_cast<fleet::Roles>(role),
                          .hash = hash_of("good"),
                          .created_ms = 1,
                          .expires_ms = expires_ms});
  };
  put(1'000'001, fleet::Role::admin);
  const auto looks = begin("/api/v1/events");
  const auto looks_at_users = begin("/api/v1/users");
  EXPECT_TRUE(looks() && looks_at_users());
  access_.tokens().set_roles("ann", static_cast<fleet::Roles>(fleet::Role::viewer));
  EXPECT_TRUE(looks());
  EXPECT_FALSE(looks_at_users());
  put(1'000'000, fleet::Role::admin);
  EXPECT_FALSE(looks()) << "it has expired";
  put(1'000'001, fleet::Role::admin);
  EXPECT_TRUE(looks());
  access_.tokens().remove_user("ann");
  EXPECT_FALSE(looks());
}

TEST_F(OperatorAccessTest, TheRoleIsThatOfTheRouteHoweverTheAddressIsWritten) {
  httpd::Router router([](const Error&) { return 500U; });
  for (const char* pattern : {"/api/v1/users", "/api/v1/devices/{name}"})
    router.add(
        {httpd::Method::post, pattern, [](httpd::Request&) -> httpd::Awaitable<Result<httpd::Response>> { co_return httpd::Response{}; }});
  const auto refusal_at = [&](const char* address) {
    httpd::Request request{.method = httpd::Method::post, .headers = {{"authorization", "Bearer good"}}};
    request.target = *httpd::parse_target(address);
    (void)router.find(request);
    const auto found = access_.check(request);
    return found ? 0 : found.error().code.number;
  };
  for (const char* address : {"/api/v1/users", "/api/v1/%75sers", "/%61pi/v1/users", "/api/v%31/user%73", "/api/v1/no-such-route"})
    EXPECT_EQ(refusal_at(address), kNotPermitted.number) << address;
  for (const char* address : {"/api/v1/devices/users", "/api/v1/%64evices/x"}) EXPECT_EQ(refusal_at(address), 0) << address;
}

TEST(SessionCookie, IsKeptFromScriptsAndOtherSites) {
  EXPECT_EQ(session_cookie("abc", std::chrono::seconds{5}),
            "__Host-aloft-session=abc; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=5");
}

}  // namespace
}  // namespace aloft::server
