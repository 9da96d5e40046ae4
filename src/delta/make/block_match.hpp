// Finds what the new image has of the old one byte for byte, wherever it lies.
#pragma once

#include "delta/make/cover.hpp"

namespace aloft::delta {

inline constexpr std::uint64_t kMatchBlockBytes = 1024;

// Every block of 1024 bytes that lies at a multiple of 1024 in the old image is looked for at every byte of the new one, and what is found
// is extended as far as it goes. Blocks of one repeated byte are left out. Memory: 24 bytes per block of the old image.
Covers match_blocks(ByteView source, ByteView target, const Pace& pace);

}  // namespace aloft::delta
