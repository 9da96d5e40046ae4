// Devices and enrolment tokens, as operators see them.
#pragma once

#include "base/random.hpp"
#include "httpd/router.hpp"
#include "server/changes.hpp"
#include "server/operator_access.hpp"
#include "server/roster.hpp"

namespace aloft::server {

class DeviceAdminApi {
 public:
  // All references outlive it. certificate_sha256: what devices are to pin; empty without TLS. address: where they reach the site; may be
  // empty.
  DeviceAdminApi(fleet::Store& store, Roster& roster, const Changes& changes, OperatorAccess& access, Random& random,
                 std::string certificate_sha256, std::string address)
      : store_(store),
        roster_(roster),
        changes_(changes),
        access_(access),
        random_(random),
        certificate_sha256_(std::move(certificate_sha256)),
        address_(std::move(address)) {}
  void add_routes(httpd::Router& router);

 private:
  using Answer = httpd::Awaitable<Result<httpd::Response>>;
  Answer list(httpd::Request& request);
  Answer get(httpd::Request& request);
  Answer remove(httpd::Request& request);
  Answer set_status(httpd::Request& request, fleet::DeviceStatus status);
  Answer list_tokens(httpd::Request& request);
  Answer create_token(httpd::Request& request);
  Answer delete_token(httpd::Request& request);
  Result<fleet::DeviceQuery> read_query(const httpd::Request& request, std::optional<fleet::Filter>& filter);
  Result<fleet::EnrolmentToken> read_new_token(const httpd::Request& request);
  fleet::Device with_last_seen(fleet::Device device) const;
  // With its tags and groups.
  Result<Json> form_of(const fleet::Device& device, bool with_attributes);

  fleet::Store& store_;
  Roster& roster_;
  const Changes& changes_;
  OperatorAccess& access_;
  Random& random_;
  std::string certificate_sha256_;
  std::string address_;
};

}  // namespace aloft::server
