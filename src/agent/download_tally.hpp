// What the update under way has cost so far: kept over restarts, held against what it may cost, told to the server.
#pragma once

#include <cstdint>

#include "protocol/download.hpp"
#include "update/state_files.hpp"

namespace aloft::agent {

class DownloadTally {
 public:
  // As it was kept for this update; of another one, or unreadable: nothing yet.
  static DownloadTally read(update::StateFiles& files, std::uint64_t update);
  // Durable on return. What is fetched between this and a power cut is not counted, so an update may cost that much more than is allowed.
  Result<> keep(update::StateFiles& files) const;

  void fetched(std::uint64_t bytes) { fetched_bytes_ += bytes; }
  std::uint64_t fetched_bytes() const { return fetched_bytes_; }
  // An image came this way, or a part of it.
  void went(protocol::DownloadMethod method);
  // full_bytes: of the whole bundle; 0: nothing was saved.
  protocol::Download total(std::uint64_t full_bytes) const;

 private:
  explicit DownloadTally(std::uint64_t update) : update_(update) {}
  std::uint64_t update_;
  std::uint64_t fetched_bytes_ = 0;
  bool begun_ = false;
  protocol::DownloadMethod method_ = protocol::DownloadMethod::full;
};

}  // namespace aloft::agent
