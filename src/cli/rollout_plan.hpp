// The options of `aloft rollout create` and `preview`, as the server takes them.
#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "cli/download_policy.hpp"

namespace CLI {
class App;
}

namespace aloft::cli {

struct RolloutPlanOptions {
  std::string name;
  std::string description;
  std::string filter;
  std::string group;
  std::vector<std::string> waves;         // "5%", "10%:1h", "20" devices, "20:30m"
  std::vector<std::string> gates;         // "any:2%", "silent:1%:50" with its least sample
  std::vector<std::string> health_gates;  // "crash-reboots>0.01:20:48h", "cpu-temp+10%"
  std::string success;                    // "95%"
  std::uint64_t rollback_release = 0;
  std::uint64_t rate = 0;
  std::string rate_growth;  // "150%:10m"
  std::string deadline = "24h";
  std::uint64_t retries = 0;
  bool adopt = false;
  bool approval = false;
  std::string start_at;  // "2026-01-31T22:00:00Z"
  std::string window;    // "22:00-05:00" or "sat,sun:22:00-05:00"
  bool consent = false;
  bool download_only = false;
  DownloadPolicyOptions download;
};

void add_plan_options(CLI::App& command, RolloutPlanOptions& options);
// Errors: kBadArgument, naming the option.
Result<Json> plan_json(const RolloutPlanOptions& options, std::uint64_t release);

// "90", "90s", "30m", "2h", "7d" in seconds.
Result<std::uint64_t> seconds_of(const std::string& text);
// "5%", "2.5%" in permille.
Result<std::uint64_t> permille_of(const std::string& text);

}  // namespace aloft::cli
