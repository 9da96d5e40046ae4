// Which parts of an image a file system has compressed.
#pragma once

#include <string>
#include <vector>

#include "delta/block_coding.hpp"

namespace aloft::delta {

// A compressed block in an image.
struct Packed {
  std::uint64_t offset;
  std::uint64_t packed_bytes;
  std::uint64_t content_limit_bytes;  // its content is no larger
  std::uint64_t follow_bytes = 0;     // of the content that its compressor had behind it, which follow it where blocks are taken apart
  std::uint64_t offset_end() const { return offset + packed_bytes; }
};

// A compressed stream in an image: larger than a block can be, see piece_coding.hpp.
struct Stream {
  std::uint64_t offset;
  std::uint64_t packed_bytes;
  std::uint64_t content_bytes;
  Compressor compressor;
  std::uint64_t offset_end() const { return offset + packed_bytes; }
};

struct Layout {
  std::string file_system;     // "squashfs", "erofs"; empty: nothing is taken apart
  std::vector<Packed> blocks;  // in rising order of offset, none over another
  Compressor compressor = Compressor::zstd;
  std::vector<BlockCoding> candidates;  // how they may have been made, the likeliest first
  std::vector<Stream> streams;          // likewise in order; none where there are blocks
};

// The image's compressed blocks, or its streams; no blocks of a file system that is not known, or that is damaged: then `why_not` says so.
// Memory: the file system's index of its files.
Layout take_apart(ByteView image, std::string& why_not);

// Sorts the blocks, and drops those that are empty, too large, outside the image, or overlap the one before.
void put_in_order(std::vector<Packed>& blocks, std::uint64_t image_bytes);

}  // namespace aloft::delta
