// Signing in at a company's identity provider: docs/single-sign-on.md.
#pragma once

#include "base/random.hpp"
#include "httpd/router.hpp"
#include "httpd/workers.hpp"
#include "oidc/provider.hpp"
#include "oidc/spent_tickets.hpp"
#include "server/operator_access.hpp"

namespace aloft::server {

// Carries a sign-in to its end, or why it failed to the login page. Other sites may lead here (SameSite=Lax): the provider does.
inline constexpr std::string_view kSignOnCookie = "__Host-aloft-sso";
inline constexpr std::size_t kMaxSignIns = 16;  // under way at once; each may wait for the provider

// Where an identity provider sends people back to, at a site that is reached by `url`.
std::string callback_address(const std::string& url);

class SignOnApi {
 public:
  // All references outlive it. provider: may be null, then nobody signs in this way. secret: of the server; seals the cookie.
  SignOnApi(fleet::Store& store, OperatorAccess& access, Random& random, oidc::Provider* provider, ByteView secret);
  void add_routes(httpd::Router& router);
  // Whether people of this issuer may still be in: none when it is another than the one that is configured.
  bool knows(const std::string& issuer) const { return provider_ != nullptr && provider_->settings().issuer == issuer; }
  void stop();

 private:
  using Answer = httpd::Awaitable<Result<httpd::Response>>;
  Answer offer(httpd::Request& request);
  Answer begin(httpd::Request& request);
  Answer come_back(httpd::Request& request);

  struct Way {
    oidc::Ticket ticket;
    oidc::Answer answer;
  };
  httpd::Awaitable<Result<httpd::Response>> send_away(httpd::Request& request);
  httpd::Awaitable<Result<httpd::Response>> let_in(httpd::Request& request);
  httpd::Awaitable<Result<httpd::Response>> admit(const httpd::Request& request, const oidc::Person& person, const std::string& next);
  httpd::Awaitable<Result<httpd::Response>> admit_as(const httpd::Request& request, const std::string& name, const oidc::Person& person,
                                                     const std::string& next);
  httpd::Awaitable<void> put_out(const std::string& name);
  Result<Way> read_way(const httpd::Request& request);
  // Back to the login page, which asks offer() for the reason.
  httpd::Response turn_away(const Error& error);

  fleet::Store& store_;
  OperatorAccess& access_;
  Random& random_;
  oidc::Provider* provider_;
  const oidc::Seal seal_;
  oidc::SpentTickets spent_;
  Attempts attempts_{30};
  std::size_t running_ = 0;
  httpd::Workers callers_{4};  // wait for the provider, so that the loop does not
};

}  // namespace aloft::server
