// The accepted truth about devices, in memory: polls are answered from here, without the store. Follows the store: callers put in what a
// commit has made durable. On the loop's thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "fleet/store.hpp"
#include "httpd/bell.hpp"

namespace aloft::server {

class Roster {
 public:
  struct Entry {
    fleet::DeviceStatus status;
    fleet::Digest key_sha256;
    std::string version;  // of the running system
    std::string hardware;
    std::uint64_t last_seen_ms = 0;
    std::optional<protocol::Assignment::Deployment> deployment;  // the unfinished one
  };

  // Everything the store knows.
  Result<> load(fleet::Store& store);
  const Entry* find(const std::string& device) const;
  std::size_t device_count(fleet::DeviceStatus status) const;
  std::size_t deployment_count() const;

  // Each wakes the device's waiting poll when it changes what the poll would answer.
  void put(const fleet::Device& device);
  void remove(const std::string& device);
  // Sets or clears the device's deployment by the deployment's state, and wakes those who watch it.
  void apply(const fleet::Deployment& deployment);

  void set_version(const std::string& device, const std::string& version);
  // The devices that have a deployment of this artifact are to look again.
  void ring_for(const std::string& artifact_sha256);

  void touch(const std::string& device, std::uint64_t now_ms);
  // Those touched since the last call.
  std::vector<fleet::LastSeen> take_touched();

  // Rings when the device's assignment or status changes; when the deployment changes.
  std::shared_ptr<httpd::Bell> device_bell(const std::string& device);
  std::shared_ptr<httpd::Bell> deployment_bell(std::uint64_t deployment);

 private:
  using Bells = std::unordered_map<std::string, std::weak_ptr<httpd::Bell>>;
  static std::shared_ptr<httpd::Bell> bell(Bells& bells, const std::string& key);
  static void ring(Bells& bells, const std::string& key);
  std::unordered_map<std::string, Entry> devices_;
  std::unordered_set<std::string> touched_;
  Bells device_bells_;
  Bells deployment_bells_;
};

// Errors: kDevicePending, kDeviceRejected.
Result<> check_accepted(fleet::DeviceStatus status, const std::string& name);

}  // namespace aloft::server
