// What an update may cost, as options.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>

#include "base/json.hpp"

namespace aloft::cli {

struct DownloadPolicyOptions {
  std::optional<std::uint64_t> budget_mib;
  std::optional<std::uint64_t> metered_budget_mib;
  bool metered_wait = false;
};
void add_download_policy(CLI::App& command, DownloadPolicyOptions& options);
// As the server's InstallPolicy.download has it; empty: nothing was said.
Json download_policy_json(const DownloadPolicyOptions& options);

}  // namespace aloft::cli
