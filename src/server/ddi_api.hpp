// hawkBit's direct device integration API (docs/ddi.md): polling, deployments, cancellations, feedback.
#pragma once

#include "ddi/feedback.hpp"
#include "httpd/router.hpp"
#include "server/ddi_access.hpp"
#include "server/ddi_reports.hpp"

namespace aloft::server {

// Where a device's resources are.
inline constexpr const char* kDdiBase = "/{tenant}/controller/v1/{controller}";
inline constexpr std::uint64_t kMaxFeedbackBytes = 1U << 20;  // SWUpdate sends whole logs

// What every client takes as a success; some take no other.
httpd::Response ddi_done();
// With an ETag, or 304 when the client has it already.
httpd::Response ddi_answer(const httpd::Request& request, const Json& json);
ddi::Software software_of(const fleet::Release& release);
// Errors: kReleaseUnknown once the release has been deleted.
Result<ddi::Software> software_of(fleet::Store& store, const fleet::Deployment& deployment);

class DdiApi {
 public:
  // All references outlive it.
  DdiApi(fleet::Store& store, const Roster& roster, DdiAccess& access, DdiDevices& devices, DdiReports& reports)
      : store_(store), roster_(roster), access_(access), devices_(devices), reports_(reports) {}
  void add_routes(httpd::Router& router);

 private:
  using Answer = httpd::Awaitable<Result<httpd::Response>>;
  Answer poll(httpd::Request& request);
  Answer deployment(httpd::Request& request);
  Answer feedback(httpd::Request& request);
  Answer cancellation(httpd::Request& request);
  Answer cancellation_feedback(httpd::Request& request);
  Answer installed(httpd::Request& request);

  httpd::Awaitable<Result<>> note(const std::string& device, std::uint64_t deployment, protocol::UpdateState state, std::string message);
  // Of the device's deployment, with its history if the query wants that. Errors: kDeploymentUnknown, kReleaseUnknown.
  Result<ddi::DeploymentAnswer> describe(const httpd::Request& request, const std::string& device, std::uint64_t id);
  Answer take_feedback(httpd::Request& request, ddi::Channel channel);
  ddi::Situation situation(const std::string& device);

  fleet::Store& store_;
  const Roster& roster_;
  DdiAccess& access_;
  DdiDevices& devices_;
  DdiReports& reports_;
};

}  // namespace aloft::server
