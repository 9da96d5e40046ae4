// By which way each image's bytes come, and whether they may come at all: chosen by bytes. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "protocol/download.hpp"

namespace aloft::agent {

using protocol::DownloadMethod;

// What each way to one image would cost. Nothing of it is trusted: it only decides what is tried first.
struct ImageWays {
  struct Reuse {
    std::uint64_t index_bytes = 0;               // of the section of blocks, fetched to know what is missing
    std::optional<std::uint64_t> missing_bytes;  // to be fetched then; none: the index is not there yet
  };
  std::uint64_t full_bytes = 0;              // its stored frames
  std::optional<std::uint64_t> delta_bytes;  // its records; none: no delta serves
  std::optional<Reuse> reuse;                // none: nothing is there to be used again
};

struct DownloadPlan {
  std::vector<DownloadMethod> images;  // full, delta or reuse, one for each
  std::uint64_t expected_bytes = 0;
};

// A quarter of an image is taken to be missing where nobody knows yet: about what an update of a whole distribution changes.
inline constexpr std::uint64_t kGuessedMissing = 4;

// For each image the way with the fewest bytes; of equal ones the plainest: full, delta, reuse.
DownloadPlan plan_download(const std::vector<ImageWays>& images);

// What may be fetched over the network for one update.
struct DownloadLimits {
  std::optional<std::uint64_t> bytes;  // altogether, what was fetched before a restart included; none: no limit
  bool wait = false;                   // nothing at all for now
  std::string why;                     // where the limit comes from, for people
  bool operator==(const DownloadLimits&) const = default;
  std::uint64_t left(std::uint64_t spent_bytes) const;
};

// Errors: kMeteredLink, kOverBudget with the figures.
Result<> check_limits(const DownloadLimits& limits, std::uint64_t spent_bytes, std::uint64_t expected_bytes);

// True for errors by which an update waits, as its operator wants it, instead of costing more.
bool is_for_later(const Error& error);

}  // namespace aloft::agent
