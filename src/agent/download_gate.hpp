// What an update may cost at this moment: by this device's configuration, by the deployment's policy, by the link that is in use. The
// stricter of the two holds, also while the server is out of reach.
#pragma once

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/config.hpp"
#include "agent/download_plan.hpp"
#include "protocol/install_policy.hpp"

namespace aloft::agent {

// Safe from several threads.
class DownloadGate {
 public:
  // file: keeps the last deployment's policy. interfaces: of the default routes now. config outlives the gate.
  DownloadGate(const DownloadConfig& config, std::filesystem::path file, std::function<std::vector<std::string>()> interfaces);
  // Durable on return.
  Result<> note(std::uint64_t deployment, const protocol::DownloadPolicy& policy);
  // deployment 0: a local install, which only the device's own limits concern.
  DownloadLimits limits(std::uint64_t deployment) const;

 private:
  const DownloadConfig& config_;
  const std::filesystem::path file_;
  const std::function<std::vector<std::string>()> interfaces_;
  mutable std::mutex mutex_;
  std::uint64_t deployment_ = 0;
  protocol::DownloadPolicy policy_;
};

// As the kernel has them now.
std::vector<std::string> interfaces_in_use();

}  // namespace aloft::agent
