// The deltas that devices are offered, in memory: polls and downloads are answered from here. Follows the store. On the loop's thread.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "fleet/store.hpp"

namespace aloft::server {

class DeltaShelf {
 public:
  // Everything the store knows.
  Result<> load(fleet::Store& store);
  // artifact_sha256: of the release's bundle, hex. Replaces the one for the same release, version and hardware.
  void put(const fleet::Delta& delta, const std::string& artifact_sha256);
  void remove(std::uint64_t id);
  void remove_release(std::uint64_t release);

  // The smallest that leads such a device to the artifact; null: there is none.
  const fleet::Delta* find(const std::string& artifact_sha256, const std::string& version, const std::string& hardware) const;
  // Whether a file of this digest, hex, is a delta to the artifact.
  bool leads_to(const std::string& delta_sha256, const std::string& artifact_sha256) const;
  std::uint64_t count() const { return count_; }
  std::uint64_t size_bytes() const { return size_bytes_; }

 private:
  void count();
  std::multimap<std::string, fleet::Delta> by_artifact_;
  std::uint64_t count_ = 0;
  std::uint64_t size_bytes_ = 0;
};

// As a device is told of it.
protocol::DeltaOffer offer_of(const fleet::Delta& delta);

}  // namespace aloft::server
