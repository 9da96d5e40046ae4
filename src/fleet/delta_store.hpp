// What a store keeps of deltas: a part of the contract of store.hpp, with its rules.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fleet/done.hpp"
#include "fleet/fleet.hpp"

namespace aloft::fleet {

// A delta from what some devices run to a release; or that it was tried in vain, so that it is not tried again at once.
struct Delta {
  std::uint64_t id = 0;
  std::uint64_t release = 0;          // to which it leads
  std::string from_version;           // of the devices that may use it
  std::vector<std::string> hardware;  // of these devices; empty: any
  std::vector<protocol::DeltaOffer::Source> sources;
  std::uint64_t size_bytes = 0;
  Digest sha256{};         // names it in the blob store
  std::string problem;     // why there is none: then size and digest are 0
  std::string created_by;  // empty: the server itself, which also drops it
  std::uint64_t created_ms = 0;
  std::uint64_t wanted_ms = 0;  // when a device was last known that could use it
};

// Devices of one kind that a release is meant for and that do not run it.
struct DeltaWant {
  std::uint64_t release = 0;
  std::string product;
  std::string version;  // that they run
  std::string hardware;
  std::uint64_t devices = 0;
  std::uint64_t waiting = 0;  // of these, have not begun to fetch
  bool assigned = false;      // by a deployment or a rollout; else it is only the newest release for them
};

// What the deployments cost altogether, of one method.
struct DownloadTotal {
  protocol::DownloadMethod method = protocol::DownloadMethod::full;
  std::uint64_t deployments = 0;
  std::uint64_t fetched_bytes = 0;
  std::uint64_t saved_bytes = 0;
};

class DeltaStore {
 public:
  virtual ~DeltaStore() = default;
  virtual Result<std::vector<Delta>> deltas() = 0;  // by id
  // Replaces the one for the same release, version and hardware. Files that no row names any more. Errors: kReleaseUnknown.
  struct AddedDelta {
    Delta delta;
    std::vector<Digest> unused;
  };
  virtual void add_delta(Delta delta, Done<AddedDelta> done) = 0;
  virtual void delete_delta(std::uint64_t id, Done<std::vector<Digest>> done) = 0;  // files that no row names any more; kDeltaUnknown
  virtual void note_deltas_wanted(std::vector<std::uint64_t> ids, std::uint64_t now_ms, Done<> done) = 0;
  virtual Result<std::vector<DeltaWant>> delta_wants() = 0;  // a long read
  // Of every deployment there ever was; or of a release's that are still known. In the order of the methods.
  virtual Result<std::vector<DownloadTotal>> downloads(std::optional<std::uint64_t> release) = 0;
};

}  // namespace aloft::fleet
