// Deployments, as operators see them: make, list, cancel, watch.
#pragma once

#include "httpd/router.hpp"
#include "server/changes.hpp"
#include "server/operator_access.hpp"
#include "server/roster.hpp"

namespace aloft::server {

class DeploymentApi {
 public:
  // All references outlive it.
  DeploymentApi(fleet::Store& store, Roster& roster, const Changes& changes, OperatorAccess& access)
      : store_(store), roster_(roster), changes_(changes), access_(access) {}
  void add_routes(httpd::Router& router);

 private:
  using Answer = httpd::Awaitable<Result<httpd::Response>>;
  Answer list(httpd::Request& request);
  Answer create(httpd::Request& request);
  Answer get(httpd::Request& request);
  Answer release(httpd::Request& request);
  Answer cancel(httpd::Request& request);
  Answer watch(httpd::Request& request);
  Answer log(httpd::Request& request);
  Result<fleet::DeploymentQuery> read_query(const httpd::Request& request);
  Result<fleet::NewDeployments> read_new(const httpd::Request& request);
  Result<std::uint64_t> read_last_event(const httpd::Request& request);

  fleet::Store& store_;
  Roster& roster_;
  const Changes& changes_;
  OperatorAccess& access_;
};

}  // namespace aloft::server
