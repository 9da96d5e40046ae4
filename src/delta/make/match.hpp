// The covers of an image pair: exact ones wherever they lie, then near ones for what is left.
#pragma once

#include "delta/make/repeats.hpp"

namespace aloft::delta {

struct MatchLimits {
  // Old bytes that are sorted at once: the memory is six times that. What exact matching leaves of larger images is worked on by windows
  // that move along both images in step.
  std::uint64_t window_bytes = 128ULL << 20;
};

// Where the contents of streams lie in the expanded images.
struct StreamRuns {
  std::vector<Run> source;
  std::vector<Run> target;
};

// Memory: 24 bytes per KiB of the old image, five and a half times the window, half a window of the new image.
Covers match_images(ByteView source, ByteView target, const MatchLimits& limits, const Pace& pace, const StreamRuns& streams = {});

}  // namespace aloft::delta
