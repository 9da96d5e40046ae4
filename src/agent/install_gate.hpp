// Whether an update from the server may begin now: its maintenance window, by this device's own clock and time zone, and the consent of a
// person at the device. Works without the server, so that an offline decision is right too.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "protocol/install_policy.hpp"

namespace aloft::agent {

// One thread; agreed() and objection() from any.
class InstallGate {
 public:
  // consent_file: holds the number of the deployment that a person has agreed to; one that cannot be read is no consent. policy_file: keeps
  // the last deployment's policy. Clock must outlive it.
  InstallGate(std::filesystem::path consent_file, std::filesystem::path policy_file, Clock& clock);
  // Why it may not begin now: kOutsideWindow, kNeedsConsent; nothing: it may. A clock before 2020 has not been set: no window is open then.
  std::optional<Error> objection(std::uint64_t deployment, const protocol::InstallPolicy& policy) const;
  // The same by what was noted of it, without the server and over restarts too; nothing for any other, and for 0: a local install.
  std::optional<Error> objection(std::uint64_t deployment) const;
  // Durable on return; on an error it holds for this run all the same.
  Result<> note(std::uint64_t deployment, const protocol::InstallPolicy& policy);
  // Durable on return. Holds for this deployment only.
  Result<> consent(std::uint64_t deployment);
  bool agreed(std::uint64_t deployment) const { return deployment != 0 && agreed_ == deployment; }

 private:
  const std::filesystem::path consent_file_;
  const std::filesystem::path policy_file_;
  Clock& clock_;
  std::atomic<std::uint64_t> agreed_ = 0;
  mutable std::mutex mutex_;  // what follows
  std::uint64_t deployment_ = 0;
  protocol::InstallPolicy policy_;
};

}  // namespace aloft::agent
