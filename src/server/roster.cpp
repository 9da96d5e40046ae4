#include "server/roster.hpp"

#include <algorithm>

#include "fleet/errors.hpp"

namespace aloft::server {

Result<> check_accepted(fleet::DeviceStatus status, std::string_view name) {
  if (status == fleet::DeviceStatus::pending)
    return fail(fleet::kDevicePending, "device " + std::string(name) + " waits for an operator to accept it");
  if (status == fleet::DeviceStatus::rejected)
    return fail(fleet::kDeviceRejected, "the server's operator has rejected device " + std::string(name));
  return {};
}

Result<> Roster::load(fleet::Store& store) {
  constexpr std::size_t kPage = 1000;
  fleet::DeviceQuery devices{.limit = kPage};
  while (true) {
    const std::vector<fleet::Device> page = TRY(store.devices(devices));
    for (const fleet::Device& device : page) put(device);
    if (page.size() < kPage) break;
    devices.after = page.back().name;
  }
  fleet::DeploymentQuery active{.active = true, .limit = kPage};
  while (true) {
    const std::vector<fleet::Deployment> page = TRY(store.deployments(active));
    for (const fleet::Deployment& deployment : page) apply(deployment);
    if (page.size() < kPage) return {};
    active.before = page.back().id;
  }
}

const Roster::Entry* Roster::find(std::string_view device) const {
  const auto found = devices_.find(device);
  return found == devices_.end() ? nullptr : &found->second;
}

void Roster::put(const fleet::Device& device) {
  const auto [at, fresh] = devices_.try_emplace(device.name);
  Entry& entry = at->second;
  if (!fresh) --counts_[static_cast<std::size_t>(entry.status)];
  ++counts_[static_cast<std::size_t>(device.status)];
  const bool changed = entry.status != device.status || entry.key_sha256 != device.key_sha256;
  entry.status = device.status;
  entry.key_sha256 = device.key_sha256;
  entry.version = device.version;
  entry.hardware = device.hardware;
  entry.last_seen_ms = std::max(entry.last_seen_ms, device.last_seen_ms);
  if (changed) ring(device_bells_, device.name);
}

void Roster::remove(const std::string& device) {
  const auto found = devices_.find(device);
  if (found == devices_.end()) return;
  const auto deployment = found->second.deployment;
  --counts_[static_cast<std::size_t>(found->second.status)];
  if (deployment) --deployments_;
  devices_.erase(found);
  ring(device_bells_, device);
  if (deployment) ring(deployment_bells_, std::to_string(deployment->id));
}

void Roster::apply(const fleet::Deployment& deployment) {
  const auto found = devices_.find(deployment.device);
  if (found != devices_.end()) {
    auto& present = found->second.deployment;
    const bool final = protocol::is_final(deployment.state);
    const bool is_present = present && present->id == deployment.id;
    if (final && is_present) --deployments_;
    if (final && is_present) present.reset();
    if (!final && !is_present) {
      if (!present) ++deployments_;
      auto& fresh = present.emplace(protocol::Assignment::Deployment{});
      fresh.id = deployment.id;
      fresh.version = deployment.version;
      fresh.artifact_sha256 = to_hex(deployment.artifact_sha256);
      fresh.artifact_size_bytes = deployment.artifact_size_bytes;
      fresh.policy = deployment.policy;
    }
    const bool released = !final && is_present && present->policy.download_only && !deployment.policy.download_only;
    if (released) present->policy.download_only = false;
    if (final == is_present || released) ring(device_bells_, deployment.device);
  }
  ring(deployment_bells_, std::to_string(deployment.id));
}

void Roster::set_version(const std::string& device, const std::string& version) {
  const auto found = devices_.find(device);
  if (found == devices_.end() || found->second.version == version) return;
  found->second.version = version;
  ring(device_bells_, device);
}

void Roster::ring_for(const std::string& artifact_sha256) {
  for (const auto& [name, entry] : devices_)
    if (entry.deployment && entry.deployment->artifact_sha256 == artifact_sha256) ring(device_bells_, name);
}

void Roster::touch(std::string_view device, std::uint64_t now_ms) {
  if (const Entry* entry = find(device)) touch(*entry, device, now_ms);
}

void Roster::touch(const Entry& entry, std::string_view device, std::uint64_t now_ms) {
  entry.last_seen_ms = now_ms;
  if (!std::exchange(entry.touched, true)) touched_.emplace_back(device);
}

std::vector<fleet::LastSeen> Roster::take_touched(std::size_t most) {
  std::vector<fleet::LastSeen> seen;
  while (!touched_.empty() && seen.size() < most) {
    const auto found = devices_.find(touched_.front());
    if (found != devices_.end() && std::exchange(found->second.touched, false))
      seen.push_back({.device = std::move(touched_.front()), .time_ms = found->second.last_seen_ms});
    touched_.pop_front();
  }
  if (touched_.empty()) touched_.shrink_to_fit();
  return seen;
}

std::shared_ptr<httpd::Bell> Roster::bell(Bells& bells, const std::string& key) {
  std::weak_ptr<httpd::Bell>& place = bells[key];
  if (auto existing = place.lock()) return existing;
  auto fresh = std::shared_ptr<httpd::Bell>(new httpd::Bell, [&bells, key](httpd::Bell* gone) {
    delete gone;
    const auto found = bells.find(key);
    if (found != bells.end() && found->second.expired()) bells.erase(found);
  });
  place = fresh;
  return fresh;
}

void Roster::ring(Bells& bells, const std::string& key) {
  const auto found = bells.find(key);
  if (found == bells.end()) return;
  if (const auto alive = found->second.lock()) alive->ring();
}

std::shared_ptr<httpd::Bell> Roster::device_bell(const std::string& device) { return bell(device_bells_, device); }
std::shared_ptr<httpd::Bell> Roster::deployment_bell(std::uint64_t deployment) {
  return bell(deployment_bells_, std::to_string(deployment));
}

}  // namespace aloft::server
