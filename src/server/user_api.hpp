// Users and the audit log, for administrators; one's own password, for everybody.
#pragma once

#include "httpd/router.hpp"
#include "httpd/workers.hpp"
#include "server/operator_access.hpp"

namespace aloft::server {

class UserApi {
 public:
  // All references outlive it. passwords: one thread, since each hash takes 64 MiB; shared by all sites of a server.
  UserApi(fleet::Store& store, OperatorAccess& access, httpd::Workers& passwords) : store_(store), access_(access), passwords_(passwords) {}
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
  Attempts attempts_{10};  // at one's own old password
  httpd::Workers& passwords_;
};

}  // namespace aloft::server
