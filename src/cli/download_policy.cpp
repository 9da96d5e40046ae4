#include "cli/download_policy.hpp"

namespace aloft::cli {

void add_download_policy(CLI::App& command, DownloadPolicyOptions& options) {
  constexpr std::uint64_t kMostMib = 1ULL << 30;
  command.add_option("--budget-mib", options.budget_mib, "Devices fetch at most so much for it; they wait rather than fetch more")
      ->check(CLI::Range(std::uint64_t{0}, kMostMib));
  command.add_option("--metered-budget-mib", options.metered_budget_mib, "The same, over a link that the device knows to be metered")
      ->check(CLI::Range(std::uint64_t{0}, kMostMib));
  command.add_flag("--metered-wait", options.metered_wait, "Over a metered link nothing is fetched: the device waits for another");
}

Json download_policy_json(const DownloadPolicyOptions& options) {
  Json json = Json::object();
  if (options.budget_mib) json["budget_bytes"] = *options.budget_mib << 20;
  if (options.metered_budget_mib) json["metered_budget_bytes"] = *options.metered_budget_mib << 20;
  if (options.metered_wait) json["metered"] = "wait";
  return json;
}

}  // namespace aloft::cli
