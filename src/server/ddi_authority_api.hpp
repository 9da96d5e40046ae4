// The authorities of devices' certificates, as administrators set them.
#pragma once

#include "httpd/router.hpp"
#include "server/ddi_authorities.hpp"
#include "server/operator_access.hpp"

namespace aloft::server {

class DdiAuthorityApi {
 public:
  // All references outlive it.
  DdiAuthorityApi(fleet::Store& store, OperatorAccess& operators, DdiAuthorities& authorities)
      : store_(store), operators_(operators), authorities_(authorities) {}
  void add_routes(httpd::Router& router);

 private:
  using Answer = httpd::Awaitable<Result<httpd::Response>>;
  Answer show(httpd::Request& request);
  Answer set(httpd::Request& request);
  Answer remove(httpd::Request& request);
  // From the next request on, also on connections that are open.
  httpd::Awaitable<Result<>> put(std::string pem);
  Json form() const;

  fleet::Store& store_;
  OperatorAccess& operators_;
  DdiAuthorities& authorities_;
};

}  // namespace aloft::server
