// The deltas that devices are offered, in memory: polls and downloads are answered from here. Follows the store. On the loop's thread.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "fleet/blob_folder.hpp"
#include "fleet/store.hpp"
#include "protocol/delta_ability.hpp"

namespace aloft::server {

class DeltaShelf {
 public:
  // Everything the store knows; what each needs is read from its file. One whose file cannot be read is left out, with a warning.
  Result<> load(fleet::Store& store, const fleet::BlobFolder& blobs);
  // artifact_sha256: of the release's bundle, hex. Replaces the one for the same release, version and hardware.
  void put(const fleet::Delta& delta, protocol::DeltaAbility needs, const std::string& artifact_sha256);
  void remove(std::uint64_t id);
  void remove_release(std::uint64_t release);

  struct Runs {
    const std::string& version;
    const std::string& hardware;
  };
  // The smallest that leads such a device to the artifact and that its agent can apply; null: there is none.
  const fleet::Delta* find(const std::string& artifact_sha256, const Runs& device, const protocol::DeltaAbility& ability) const;
  // Whether a file of this digest, hex, is a delta to the artifact.
  bool leads_to(const std::string& delta_sha256, const std::string& artifact_sha256) const;
  std::uint64_t count() const { return count_; }
  std::uint64_t size_bytes() const { return size_bytes_; }

 private:
  void count();
  struct Shelved {
    fleet::Delta delta;
    protocol::DeltaAbility needs;
  };
  std::multimap<std::string, Shelved> by_artifact_;
  std::uint64_t count_ = 0;
  std::uint64_t size_bytes_ = 0;
};

// As a device is told of it.
protocol::DeltaOffer offer_of(const fleet::Delta& delta);

}  // namespace aloft::server
