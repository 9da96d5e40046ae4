// What an image of UBIFS says of the flash that it was made for (Linux fs/ubifs/ubifs-media.h).
#pragma once

#include "base/bytes.hpp"

namespace aloft::storage {

inline constexpr std::size_t kUbifsSuperblockBytes = 4096;

struct UbifsGeometry {
  std::uint64_t block_bytes = 0;       // of a logical erase block; must be the volume's
  std::uint64_t blocks = 0;            // in the image
  std::uint64_t least_unit_bytes = 0;  // what is written as one
};

// From the first kUbifsSuperblockBytes of the image. kUbifsGeometry for what is no UBIFS image, or a damaged one.
Result<UbifsGeometry> read_ubifs(ByteView start);

}  // namespace aloft::storage
