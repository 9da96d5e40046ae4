// Which delta is worth making next, and which are of no use any more. Pure.
#pragma once

#include <optional>
#include <vector>

#include "fleet/delta_store.hpp"

namespace aloft::server {

struct DeltaJob {
  fleet::Release source;
  fleet::Release target;
  std::uint64_t waiting = 0;     // devices that could fetch it
  bool assigned = false;         // some of them have it assigned
  std::uint64_t most_saved = 0;  // bytes over all of them, if it were for nothing
};

struct DeltaPlan {
  std::optional<DeltaJob> next;
  std::vector<std::uint64_t> wanted;  // deltas that devices could use, for which that was not noted for a while
  std::vector<std::uint64_t> unused;  // to be dropped
};

struct DeltaTimes {
  std::uint64_t now_ms = 0;
  std::uint64_t keep_ms = 0;  // for so long one that no device could use is kept
};
inline constexpr std::uint64_t kTryDeltaAgainMs = 6ULL * 3600 * 1000;  // after it could not be made

// What is assigned goes before what is only the newest release; within that by bytes saved over the fleet. Deltas that people have
// uploaded are never dropped. Releases in any order; the newest that fits is the source.
DeltaPlan plan_deltas(const std::vector<fleet::DeltaWant>& wants, const std::vector<fleet::Release>& releases,
                      const std::vector<fleet::Delta>& deltas, const DeltaTimes& times);

// Whether devices of this version and hardware may use it.
bool is_for(const fleet::Delta& delta, const std::string& version, const std::string& hardware);

}  // namespace aloft::server
