// Users and the audit log, for administrators; one's own password, for everybody.
#pragma once

#include <boost/asio/thread_pool.hpp>

#include "httpd/router.hpp"
#include "server/operator_access.hpp"

namespace aloft::server {

class UserApi {
 public:
  // All references outlive it.
  UserApi(fleet::Store& store, OperatorAccess& access) : store_(store), access_(access) {}
  void add_routes(httpd::Router& router);

 private:
  using Answer = httpd::Awaitable<Result<httpd::Response>>;
  struct Wish {
    std::string name;
    std::optional<std::string> password;
    std::optional<fleet::Roles> roles;
  };
  Answer list(httpd::Request& request);
  Answer create(httpd::Request& request);
  Answer change(httpd::Request& request);
  Answer remove(httpd::Request& request);
  Answer change_own_password(httpd::Request& request);
  Answer audit(httpd::Request& request);
  Result<Wish> read_wish(const httpd::Request& request, std::optional<std::string> name);
  Answer apply(fleet::UserChange change);

  fleet::Store& store_;
  OperatorAccess& access_;
  Attempts attempts_{10};                  // at one's own old password
  boost::asio::thread_pool passwords_{1};  // one at a time: 64 MiB each
};

}  // namespace aloft::server
