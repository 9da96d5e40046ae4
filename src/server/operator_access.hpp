// Who of the operators asks.
#pragma once

#include <functional>

#include "base/clock.hpp"
#include "base/unix_time.hpp"
#include "httpd/message.hpp"
#include "server/credentials.hpp"
#include "server/parameters.hpp"

namespace aloft::server {

// The session's cookie as browsers keep it: never shown to scripts, sent over TLS only, and only by pages of this server (RFC 6265bis;
// the prefix binds it to this host and to "/").
inline constexpr std::string_view kSessionCookie = "__Host-aloft-session";
// A page of another origin cannot set it without this server's consent (Fetch, section 3.2), which is never given.
inline constexpr std::string_view kConsoleHeader = "x-aloft-console";

// The value of the cookie among "a=1; b=2", as the header Cookie has them; "" without it.
std::string_view cookie_of(const httpd::Request& request, std::string_view name);
// The value of Set-Cookie that keeps a session for that long; 0 s ends it.
std::string session_cookie(std::string_view secret, std::chrono::seconds life);

// A session that the request begins now, in the program and at the address that it comes from; without a user yet. What the program says
// it is may be anything: 256 characters of it are kept, and of them only printable ASCII.
fleet::AccessToken new_session(const httpd::Request& request, std::string_view secret, std::uint64_t now_ms);

class OperatorAccess {
 public:
  explicit OperatorAccess(Clock& clock) : clock_(clock) {}
  AccessTokens& tokens() { return tokens_; }
  // By the header Authorization, else by the session's cookie. With the cookie, whatever changes something must carry kConsoleHeader and
  // must not come from another site, so that no foreign page acts in an operator's name. Errors: kNotAuthenticated, kForeignPage.
  Result<fleet::AccessToken> identify(const httpd::Request& request);
  // The same, and the role that the request needs (permissions.cpp). Errors: kNotPermitted too.
  Result<fleet::AccessToken> check(const httpd::Request& request);
  // Whether the request, which check() let through with that token, would be let through now: for answers that go on for long. The access
  // outlives it; the request need not.
  std::function<bool()> still_may(const httpd::Request& request, const fleet::AccessToken& token) const;
  std::uint64_t now_ms() const { return unix_ms(clock_.now()); }
  Clock& clock() const { return clock_; }

 private:
  Clock& clock_;
  AccessTokens tokens_;
};

}  // namespace aloft::server
