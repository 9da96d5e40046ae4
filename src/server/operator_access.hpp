// Who of the operators asks.
#pragma once

#include "base/clock.hpp"
#include "httpd/message.hpp"
#include "server/credentials.hpp"
#include "server/parameters.hpp"

namespace aloft::server {

class OperatorAccess {
 public:
  explicit OperatorAccess(Clock& clock) : clock_(clock) {}
  AccessTokens& tokens() { return tokens_; }
  // Errors: kNotAuthenticated.
  Result<fleet::AccessToken> check(const httpd::Request& request) const { return tokens_.check(bearer_of(request), clock_.now()); }
  std::uint64_t now_ms() const { return static_cast<std::uint64_t>(clock_.now().time_since_epoch().count()); }
  Clock& clock() const { return clock_; }

 private:
  Clock& clock_;
  AccessTokens tokens_;
};

}  // namespace aloft::server
