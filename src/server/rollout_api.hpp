// Rollouts, as operators see them; and why a device gets an update, or not.
#pragma once

#include "httpd/router.hpp"
#include "server/operator_access.hpp"
#include "server/rollouts.hpp"

namespace aloft::server {

class RolloutApi {
 public:
  // All references outlive it.
  RolloutApi(fleet::Store& store, OperatorAccess& access, Rollouts& rollouts) : store_(store), access_(access), rollouts_(rollouts) {}
  void add_routes(httpd::Router& router);

 private:
  using Answer = httpd::Awaitable<Result<httpd::Response>>;
  Answer list(httpd::Request& request);
  Answer create(httpd::Request& request);
  Answer preview(httpd::Request& request);
  Answer get(httpd::Request& request);
  Answer command(httpd::Request& request, fleet::RolloutEvent event);
  Answer release(httpd::Request& request);
  Answer list_devices(httpd::Request& request);
  Answer cancel_device(httpd::Request& request);
  Answer why(httpd::Request& request);
  Result<fleet::RolloutPlan> read_plan(const httpd::Request& request);
  Result<std::uint64_t> read_permille(const httpd::Request& request, fleet::RolloutEvent event);
  Result<Json> device_list(const httpd::Request& request);
  Result<Json> why_json(const std::string& device);
  Json form_of(const fleet::Rollout& rollout) const;

  fleet::Store& store_;
  OperatorAccess& access_;
  Rollouts& rollouts_;
};

}  // namespace aloft::server
