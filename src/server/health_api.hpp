// How devices, releases and rollouts do, as operators see it.
#pragma once

#include "fleet/store.hpp"
#include "httpd/router.hpp"
#include "httpd/workers.hpp"
#include "server/operator_access.hpp"

namespace aloft::server {

class HealthApi {
 public:
  // All references outlive it.
  HealthApi(fleet::Store& store, OperatorAccess& access) : store_(store), access_(access) {}
  void add_routes(httpd::Router& router);

 private:
  using Answer = httpd::Awaitable<Result<httpd::Response>>;
  Answer of_device(httpd::Request& request);
  Answer of_release(httpd::Request& request);
  Answer of_rollout(httpd::Request& request);
  Answer compare(fleet::HealthQuery query);

  fleet::Store& store_;
  OperatorAccess& access_;
  httpd::Workers disk_{1};  // long reads
};

}  // namespace aloft::server
