// Devices and gateways of hawkBit's protocol, as operators see them.
#pragma once

#include "base/random.hpp"
#include "httpd/router.hpp"
#include "server/ddi_access.hpp"
#include "server/operator_access.hpp"

namespace aloft::server {

class DdiAdminApi {
 public:
  // All references outlive it.
  DdiAdminApi(fleet::Store& store, Roster& roster, const Changes& changes, OperatorAccess& operators, DdiAccess& access,
              DdiDevices& devices, Random& random)
      : store_(store), roster_(roster), changes_(changes), operators_(operators), access_(access), devices_(devices), random_(random) {}
  void add_routes(httpd::Router& router);

 private:
  using Answer = httpd::Awaitable<Result<httpd::Response>>;
  Answer list_gateways(httpd::Request& request);
  Answer add_gateway(httpd::Request& request);
  Answer delete_gateway(httpd::Request& request);
  Answer add_device(httpd::Request& request);
  Answer new_token(httpd::Request& request);
  Answer ask_attributes(httpd::Request& request);
  Answer settings(httpd::Request& request);
  Answer change_settings(httpd::Request& request);
  Json settings_form() const;
  // What stands in "token", or a new one. Errors: kBadParameter.
  Result<std::string> token_for(JsonObject& object);

  fleet::Store& store_;
  Roster& roster_;
  const Changes& changes_;
  OperatorAccess& operators_;
  DdiAccess& access_;
  DdiDevices& devices_;
  Random& random_;
};

}  // namespace aloft::server
