// Whether an update from the server may begin now: its maintenance window, by this device's own clock and time zone, and the consent of a
// person at the device. Works without the server, so that an offline decision is right too.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "protocol/install_policy.hpp"

namespace aloft::agent {

// One thread; agreed() from any.
class InstallGate {
 public:
  // file: holds the number of the deployment that a person has agreed to; one that cannot be read is no consent. Clock must outlive it.
  InstallGate(std::filesystem::path file, Clock& clock);
  // Why it may not begin now: kOutsideWindow, kNeedsConsent; nothing: it may. A clock before 2020 has not been set: no window is open then.
  std::optional<Error> objection(std::uint64_t deployment, const protocol::InstallPolicy& policy) const;
  // Durable on return. Holds for this deployment only.
  Result<> consent(std::uint64_t deployment);
  bool agreed(std::uint64_t deployment) const { return deployment != 0 && agreed_ == deployment; }

 private:
  const std::filesystem::path file_;
  Clock& clock_;
  std::atomic<std::uint64_t> agreed_ = 0;
};

}  // namespace aloft::agent
