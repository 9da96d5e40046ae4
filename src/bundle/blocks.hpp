// Blocks of 4 KiB that are packed one by one, each with all of its frame's content before it as prefix, and the section that names them:
// what a device needs to fetch single blocks. Text form and rules: docs/bundle-format.md.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "bundle/manifest.hpp"

namespace aloft::bundle {

// A block's RollingSum (32 bits), and above it the first 2 bytes of its SHA-256, little-endian. A hint: of what is put together by names
// the frame's digest is checked.
using BlockName = std::uint64_t;
BlockName block_name(ByteView block, const Digest& sha256);
inline BlockName block_name(ByteView block) { return block_name(block, crypto::sha256(block)); }
inline std::uint32_t rolling_sum_of(BlockName name) { return static_cast<std::uint32_t>(name); }

// Tells frames of zeros, which stand in no section.
class ZeroFrames {
 public:
  explicit ZeroFrames(std::uint32_t frame_size_bytes) : whole_(crypto::sha256(Bytes(frame_size_bytes))) {}
  // False for a last frame that is shorter.
  bool has(const Digest& frame) const { return frame == whole_; }

 private:
  const Digest whole_;
};

// A frame's entries of its image's section are put behind `section`: none for a whole frame of zeros. Errors: kBadBlocks when `stored` is
// not block by block.
Result<> append_block_entries(Encoding encoding, std::uint32_t frame_size_bytes, ByteView content, ByteView stored, Bytes& section);

// A section, parsed. Memory: 8 bytes for each block, and for each frame.
class BlockTable {
 public:
  struct Block {
    BlockName name;
    std::uint32_t stored_bytes;
  };
  // Errors: kBadBlocks when the section has another size than the image's, or a frame's blocks are not as long as the frame is stored.
  static Result<BlockTable> parse(const Image& image, ByteView section);

  // Blocks of a frame; 0: it is one of zeros.
  std::size_t count(std::uint64_t frame) const { return static_cast<std::size_t>(first_[frame + 1] - first_[frame]); }
  // Of a frame, in order. block < count(frame).
  Block at(std::uint64_t frame, std::size_t block) const;

 private:
  std::vector<std::uint64_t> entries_;  // the name, and above it the size
  std::vector<std::uint64_t> first_;    // of each frame, and behind the last
};

}  // namespace aloft::bundle
