#include "agent/trial.hpp"

#include "agent/errors.hpp"
#include "agent/health.hpp"

namespace aloft::agent {
namespace {

Result<> all_conditions(const TrialRules& rules, ServerReach& reach, std::chrono::steady_clock::time_point deadline,
                        const std::atomic<bool>& stop) {
  // An agent that was started again takes nothing of this up anew.
  if (std::chrono::steady_clock::now() >= deadline)
    return fail(kTrialDeadline, "the trial's " + std::to_string(rules.health.deadline.count()) +
                                    " s were over before there was a verdict: the agent did not last, and was started again");
  if (rules.systemd && rules.health.require_units) TRY(check_systemd_units(deadline, stop));
  TRY(run_health_checks(rules.health, deadline, stop));
  if (rules.server.empty() || !rules.health.require_server || reach.wait_until(deadline)) return {};
  const std::string problem = reach.problem();
  return fail(kTrialDeadline, "server " + rules.server + " was not reached within " + std::to_string(rules.health.deadline.count()) +
                                  " s of the start" + (problem.empty() ? "" : ": " + problem));
}

}  // namespace

HealthVerdict judge_trial(const TrialRules& rules, ServerReach& reach, std::chrono::steady_clock::time_point deadline,
                          const std::atomic<bool>& stop) {
  const auto verdict = all_conditions(rules, reach, deadline, stop);
  return verdict ? HealthVerdict{.healthy = true, .reason = {}} : HealthVerdict{.healthy = false, .reason = verdict.error().text()};
}

void ServerReach::note(const Result<>& outcome) {
  {
    const std::lock_guard lock(mutex_);
    now_ = outcome.has_value();
    ever_ = ever_ || now_;
    problem_ = outcome ? "" : outcome.error().text();
  }
  changed_.notify_all();
}

bool ServerReach::wait_until(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline, [this] { return ever_ || stopped_; });
  return ever_;
}

void ServerReach::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
}

bool ServerReach::now() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

std::string ServerReach::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

}  // namespace aloft::agent
