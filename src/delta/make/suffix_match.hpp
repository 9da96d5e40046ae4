// Finds what the new image has of the old one nearly: the same code or data with scattered bytes that differ.
#pragma once

#include "delta/make/cover.hpp"

namespace aloft::delta {

// After C. Percival, "Naive differences of executable code" (2003): the longest exact matches, from a suffix array of the old bytes, are
// the seeds; each is extended both ways for as long as more than half of the bytes are equal. What stands nowhere in the
// source is turned away by a filter first. Memory: 5.5 bytes per byte of source, itself among them. source.size() must be below 2^31.
Covers match_nearly(ByteView source, ByteView target, const Pace& pace);

}  // namespace aloft::delta
