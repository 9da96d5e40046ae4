// The accepted truth about devices, in memory: polls are answered from here, without the store. Follows the store: callers put in what a
// commit has made durable. On the loop's thread only.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

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
    mutable std::uint64_t last_seen_ms = 0;
    mutable bool touched = false;                                // is in touched_
    std::optional<protocol::Assignment::Deployment> deployment;  // the unfinished one
  };

  // Everything the store knows.
  Result<> load(fleet::Store& store);
  const Entry* find(std::string_view device) const;
  std::size_t device_count(fleet::DeviceStatus status) const { return counts_[static_cast<std::size_t>(status)]; }
  std::size_t deployment_count() const { return deployments_; }

  // Each wakes the device's waiting poll when it changes what the poll would answer.
  void put(const fleet::Device& device);
  void remove(const std::string& device);
  // Sets or clears the device's deployment by the deployment's state, and wakes those who watch it.
  void apply(const fleet::Deployment& deployment);

  void set_version(const std::string& device, const std::string& version);
  // The devices that have a deployment of this artifact are to look again.
  void ring_for(const std::string& artifact_sha256);

  void touch(std::string_view device, std::uint64_t now_ms);
  // entry: the device's, as find() has just given it.
  void touch(const Entry& entry, std::string_view device, std::uint64_t now_ms);
  // Of those touched and not taken since, the first.
  std::size_t touched_count() const { return touched_.size(); }
  std::vector<fleet::LastSeen> take_touched(std::size_t most);

  // Rings when the device's assignment or status changes; when the deployment changes.
  std::shared_ptr<httpd::Bell> device_bell(const std::string& device);
  std::shared_ptr<httpd::Bell> deployment_bell(std::uint64_t deployment);

 private:
  using Bells = std::unordered_map<std::string, std::weak_ptr<httpd::Bell>>;
  static std::shared_ptr<httpd::Bell> bell(Bells& bells, const std::string& key);
  static void ring(Bells& bells, const std::string& key);
  // Looked up by a part of a request without a copy of it.
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
  };
  std::unordered_map<std::string, Entry, NameHash, std::equal_to<>> devices_;
  std::array<std::size_t, 3> counts_{};  // of devices, by status
  std::size_t deployments_ = 0;
  std::deque<std::string> touched_;
  Bells device_bells_;
  Bells deployment_bells_;
};

// Errors: kDevicePending, kDeviceRejected.
Result<> check_accepted(fleet::DeviceStatus status, std::string_view name);

}  // namespace aloft::server
