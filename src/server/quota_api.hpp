// A site's quotas as its people see them: what is used, and what is allowed.
#pragma once

#include "httpd/router.hpp"
#include "server/operator_access.hpp"
#include "server/quota_desk.hpp"

namespace aloft::server {

// [{"quota":"devices","used":12,"limit":100,"refused":0}, ...]: all of them; "limit" is left out where there is none, "used" where nothing
// is counted.
Json quota_forms(const fleet::Limits& limits, const fleet::QuotaUse& use);

// Prometheus text of several sites, one family after the other. labels: "" or `tenant="acme",`.
class QuotaMetrics {
 public:
  void add(const std::string& labels, const fleet::Limits& limits, const fleet::QuotaUse& use);
  std::string text() const;

 private:
  std::string used_;
  std::string limits_;
  std::string refused_;
};

class QuotaApi {
 public:
  // Both outlive it.
  QuotaApi(OperatorAccess& access, const QuotaDesk& desk) : access_(access), desk_(desk) {}
  void add_routes(httpd::Router& router);

 private:
  httpd::Awaitable<Result<httpd::Response>> list(httpd::Request& request);
  OperatorAccess& access_;
  const QuotaDesk& desk_;
};

}  // namespace aloft::server
