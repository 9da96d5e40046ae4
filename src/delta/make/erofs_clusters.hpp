// How a compressed file of an erofs image lies in clusters.
#pragma once

#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace aloft::delta {

inline constexpr std::uint64_t kErofsBlockBytes = 4096;

// A run of the file's content, and the blocks that hold it.
struct ErofsCluster {
  std::uint64_t begin;  // in the file, which the clusters follow each other in
  std::uint64_t end;
  std::uint64_t first_block;  // of the image
  std::uint64_t blocks;
  bool is_packed;  // by the compressor; else the content as it is
};

std::unexpected<Error> bad_erofs(const char* what);  // kCannotMake: "the erofs image <what>"
// The first two of at least four bytes.
inline unsigned low16(ByteView bytes) { return load_le32(bytes) & 0xffff; }

// Reads the map that stands from `offset` of the image on (as erofs aligns it: a multiple of 8), of a file of file_bytes; `compact`: with
// its entries packed. Tails that lie within the inode, or with those of other files, are left out. Memory: 40 bytes per cluster. Errors:
// kCannotMake.
Result<std::vector<ErofsCluster>> read_clusters(ByteView image, std::uint64_t offset, std::uint64_t file_bytes, bool compact);

}  // namespace aloft::delta
