// First start, login, API tokens.
#pragma once

#include <optional>

#include "base/random.hpp"
#include "httpd/router.hpp"
#include "httpd/workers.hpp"
#include "server/operator_access.hpp"

namespace aloft::server {

// In the store: the SHA-256, in hex, of the secret in the one-time link for the first administrator, until that is made.
inline constexpr const char* kSetupSetting = "setup-secret-sha256";

class SessionApi {
 public:
  // All references outlive it. passwords: as for UserApi. setup_secret: set while there is no user yet; a site may also have the digest of
  // its one-time link in its store, see kSetupSetting. certificate_sha256: empty without TLS. address: as people and devices reach the
  // site; empty where nobody has said it. serves_tenants: this site's administrators look after tenants, too.
  SessionApi(fleet::Store& store, OperatorAccess& access, httpd::Workers& passwords, Random& random,
             std::optional<std::string> setup_secret, std::string certificate_sha256, std::string address, bool serves_tenants);
  // Its routes and those that are added later are what a session may be told of.
  void add_routes(httpd::Router& router);

 private:
  using Answer = httpd::Awaitable<Result<httpd::Response>>;
  struct Credentials {
    std::string user;
    std::string password;
    bool cookie = false;  // the session is for a browser
  };
  Answer setup(httpd::Request& request);
  Answer login(httpd::Request& request);
  Answer logout(httpd::Request& request);
  Answer session(httpd::Request& request);
  // As "POST /api/v1/groups": the operations that whoever has these roles may call.
  std::vector<std::string> operations(fleet::Roles roles) const;
  Answer list_tokens(httpd::Request& request);
  Answer create_token(httpd::Request& request);
  Answer delete_token(httpd::Request& request);
  Answer end_other_sessions(httpd::Request& request);

  Result<std::optional<std::string>> setup_hash() const;  // in hex
  Result<Credentials> read_setup(const httpd::Request& request);
  Result<Credentials> read_login(const httpd::Request& request);
  Result<fleet::AccessToken> read_new_token(const httpd::Request& request);
  Answer begin_session(const httpd::Request& request, const Credentials& credentials);
  Answer revoke(std::uint64_t id);

  fleet::Store& store_;
  OperatorAccess& access_;
  Random& random_;
  std::optional<std::string> setup_hash_;  // in hex
  std::string certificate_sha256_;
  std::string address_;
  bool serves_tenants_;
  const httpd::Router* router_ = nullptr;
  Attempts attempts_{10};  // by address
  NameAttempts named_;
  httpd::Workers& passwords_;
};

}  // namespace aloft::server
