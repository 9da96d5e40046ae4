#include "server/ddi_reports.hpp"

#include "ddi/errors.hpp"
#include "fleet/errors.hpp"
#include "httpd/elsewhere.hpp"

namespace aloft::server {

httpd::Awaitable<Result<>> DdiReports::apply(fleet::DdiFeedback feedback) {
  const std::string device = feedback.device;
  auto start = [this, &feedback](auto done) { store_.apply_feedback(std::move(feedback), done); };
  const Result<fleet::DdiOutcome> outcome = co_await httpd::delivered<Result<fleet::DdiOutcome>>(start);
  if (!outcome && outcome.error().code.number == fleet::kDeploymentFinished.number)
    co_return fail(ddi::kActionClosed, outcome.error().message);
  if (!outcome) co_return std::unexpected(outcome.error());
  if (!outcome->changed) co_return Result<>{};
  roster_.apply(outcome->deployment);
  changes_.deployment(outcome->deployment);
  if (outcome->version_changed) changes_.device(device);
  co_return Result<>{};
}

}  // namespace aloft::server
