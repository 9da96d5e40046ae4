// Which parts of the new image resemble which of the old.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/bytes.hpp"

namespace aloft::delta {

// size_bytes of the new image at `target` are, or nearly are, those of the old at `source`.
struct Cover {
  std::uint64_t target;
  std::uint64_t source;
  std::uint64_t size_bytes;
  std::uint64_t target_end() const { return target + size_bytes; }
  std::uint64_t source_end() const { return source + size_bytes; }
};

// In rising order of target, none over another.
using Covers = std::vector<Cover>;

// Called now and then with the bytes of the new image that have been worked on: time to tell of it, and to let go of memory.
using Pace = std::function<void(std::uint64_t done_bytes)>;

}  // namespace aloft::delta
