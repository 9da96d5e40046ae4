// First start, login, API tokens.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <optional>

#include "base/random.hpp"
#include "httpd/router.hpp"
#include "server/operator_access.hpp"

namespace aloft::server {

class SessionApi {
 public:
  // All references outlive it. setup_secret: set while there is no user yet. certificate_sha256: empty without TLS.
  SessionApi(fleet::Store& store, OperatorAccess& access, Random& random, std::optional<std::string> setup_secret,
             std::string certificate_sha256);
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
  Answer list_tokens(httpd::Request& request);
  Answer create_token(httpd::Request& request);
  Answer delete_token(httpd::Request& request);

  Result<Credentials> read_setup(const httpd::Request& request);
  Result<Credentials> read_login(const httpd::Request& request);
  Result<fleet::AccessToken> read_new_token(const httpd::Request& request);
  Answer begin_session(const Credentials& credentials);
  Answer revoke(std::uint64_t id);

  fleet::Store& store_;
  OperatorAccess& access_;
  Random& random_;
  std::optional<crypto::Digest> setup_hash_;
  std::string certificate_sha256_;
  Attempts attempts_{10};
  boost::asio::thread_pool passwords_{1};  // one at a time: 64 MiB each
};

}  // namespace aloft::server
