#include "agent/health.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <thread>

#include "agent/errors.hpp"
#include "base/log.hpp"
#include "base/process.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kUnitPoll{1};
constexpr std::chrono::seconds kSystemctlLimit{20};

std::vector<fs::path> checks_in(const fs::path& dir) {
  std::vector<fs::path> checks;
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(dir, problem)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') || name.ends_with('~')) continue;
    if (entry.is_regular_file(problem) && ::access(entry.path().c_str(), X_OK) == 0) checks.push_back(entry.path());
  }
  std::ranges::sort(checks);
  return checks;
}

Result<> run_check(const fs::path& check, milliseconds limit, const std::atomic<bool>& stop) {
  const std::string name = check.filename().string();
  const auto end = run_process({check.string()}, limit, &stop);
  if (!end) return fail(kHealthFailed, "health check " + name + ": " + end.error().message);
  const std::string said = last_line(end->output);
  if (end->timed_out)
    return fail(kHealthTimeout, "health check " + name + " did not end within " + std::to_string(limit.count()) + " ms" +
                                    (said.empty() ? "" : "; it last said: " + said));
  if (end->exit_status != 0)
    return fail(kHealthFailed,
                "health check " + name + " failed with status " + std::to_string(end->exit_status) + (said.empty() ? "" : ": " + said));
  log::info("health check " + name + " passed");
  return {};
}

}  // namespace

Result<> run_health_checks(const HealthConfig& config, steady_clock::time_point deadline, const std::atomic<bool>& stop) {
  for (const fs::path& check : checks_in(config.dir)) {
    const auto left = std::chrono::floor<milliseconds>(deadline - steady_clock::now());
    if (left <= milliseconds::zero()) return fail(kTrialDeadline, "no time was left for health check " + check.filename().string());
    TRY(run_check(check, std::min(left, milliseconds(config.check_timeout)), stop));
  }
  return {};
}

Result<> check_systemd_units(steady_clock::time_point deadline, const std::atomic<bool>& stop) {
  for (;;) {
    const auto end = TRY(run_process({"systemctl", "is-system-running"}, kSystemctlLimit));
    const std::string state = last_line(end.output);
    if (state == "running") return {};
    if (state == "degraded") {
      const auto list = TRY(run_process({"systemctl", "list-units", "--failed", "--plain", "--no-legend", "--no-pager"}, kSystemctlLimit));
      const std::string names = failed_units(list.output);
      if (names.empty()) return {};
      return fail(kUnitsFailed, "systemd units have failed: " + names + "; see journalctl -u");
    }
    if (stop || steady_clock::now() + kUnitPoll >= deadline)
      return fail(kTrialDeadline, "systemd did not finish starting up; it says \"" + state + "\"");
    std::this_thread::sleep_for(kUnitPoll);
  }
}

std::string failed_units(std::string_view list) {
  std::string names;
  std::istringstream lines{std::string(list)};
  for (std::string line; std::getline(lines, line);) {
    const std::string name = line.substr(0, line.find(' '));
    if (name.empty() || name.starts_with("aloft-usb@")) continue;
    names += (names.empty() ? "" : ", ") + name;
  }
  return names;
}

}  // namespace aloft::agent
