// The tenants, for the administrators of the server's own site, who are the operators of the service.
#pragma once

#include "base/random.hpp"
#include "httpd/router.hpp"
#include "server/operator_access.hpp"
#include "server/tenants.hpp"

namespace aloft::server {

class TenantApi {
 public:
  // All references outlive it. access: of the own site.
  TenantApi(Tenants& tenants, OperatorAccess& access, Clock& clock, Random& random)
      : tenants_(tenants), access_(access), clock_(clock), random_(random) {}
  void add_routes(httpd::Router& router);

 private:
  using Answer = httpd::Awaitable<Result<httpd::Response>>;
  Answer list(httpd::Request& request);
  Answer get(httpd::Request& request);
  Answer create(httpd::Request& request);
  Answer change(httpd::Request& request);
  Answer remove(httpd::Request& request);
  Answer renew_link(httpd::Request& request);
  Answer metrics(httpd::Request& request);
  Result<Tenants::Standing> find(const std::string& name) const;
  Result<std::string> name_of(const httpd::Request& request) const;
  Json with_link(const Tenants::Standing& standing, const std::string& secret) const;

  Tenants& tenants_;
  OperatorAccess& access_;
  Clock& clock_;
  Random& random_;
};

}  // namespace aloft::server
