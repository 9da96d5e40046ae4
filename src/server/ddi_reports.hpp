// Writes down what devices of hawkBit's protocol say of their updates, and tells the rest of the server.
#pragma once

#include "fleet/store.hpp"
#include "httpd/bell.hpp"
#include "server/changes.hpp"
#include "server/roster.hpp"

namespace aloft::server {

class DdiReports {
 public:
  // All references outlive it.
  DdiReports(fleet::Store& store, Roster& roster, const Changes& changes) : store_(store), roster_(roster), changes_(changes) {}
  // Returns once it is durable. Errors: kDeploymentUnknown, ddi::kActionClosed, kNotWithdrawn.
  httpd::Awaitable<Result<>> apply(fleet::DdiFeedback feedback);

 private:
  fleet::Store& store_;
  Roster& roster_;
  const Changes& changes_;
};

}  // namespace aloft::server
