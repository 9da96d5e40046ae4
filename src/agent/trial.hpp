// Is the new system good enough to keep?
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>

#include "agent/config.hpp"
#include "agent/updater.hpp"
#include "base/result.hpp"

namespace aloft::agent {

// Whether the server could be reached and took this device's proof. Safe from several threads.
class ServerReach {
 public:
  void note(const Result<>& outcome);
  // True once an exchange has succeeded; false at the deadline, or after stop().
  bool wait_until(std::chrono::steady_clock::time_point deadline);
  void stop();
  bool now() const;             // the outcome of the latest exchange
  std::string problem() const;  // of the latest exchange that failed; empty after a success

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool ever_ = false;
  bool now_ = false;
  bool stopped_ = false;
  std::string problem_;
};

struct TrialRules {
  HealthConfig health;
  bool systemd = false;  // ask it for failed units
  std::string server;    // empty: needs no server
};

// Runs through all conditions and blocks until the verdict, at the latest until the deadline. `stop` ends it early, unhealthy.
HealthVerdict judge_trial(const TrialRules& rules, ServerReach& reach, std::chrono::steady_clock::time_point deadline,
                          const std::atomic<bool>& stop);

}  // namespace aloft::agent
