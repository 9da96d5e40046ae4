// hawkBit's direct device integration API: updates that a person at the device has to agree to.
#pragma once

#include "httpd/router.hpp"
#include "server/ddi_access.hpp"
#include "server/ddi_reports.hpp"

namespace aloft::server {

class DdiConfirmApi {
 public:
  // All references outlive it.
  DdiConfirmApi(fleet::Store& store, const Roster& roster, DdiAccess& access, DdiDevices& devices, DdiReports& reports)
      : store_(store), roster_(roster), access_(access), devices_(devices), reports_(reports) {}
  void add_routes(httpd::Router& router);

 private:
  using Answer = httpd::Awaitable<Result<httpd::Response>>;
  Answer show(httpd::Request& request);
  Answer ask(httpd::Request& request);
  Answer feedback(httpd::Request& request);
  Answer set_automatic(httpd::Request& request, bool on);
  // The update that waits for it; none.
  std::optional<std::uint64_t> waiting(const std::string& device);

  fleet::Store& store_;
  const Roster& roster_;
  DdiAccess& access_;
  DdiDevices& devices_;
  DdiReports& reports_;
};

}  // namespace aloft::server
