// One frame of a delta as it is written: what the new image's frame is made of. Text form: docs/delta-format.md.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "delta/gzip_deflate.hpp"
#include "delta/old_parts.hpp"

namespace aloft::delta {

inline constexpr unsigned kMinFrameShift = 16;
inline constexpr unsigned kMaxFrameShift = 22;

enum class OpKind : std::uint8_t {
  copy,   // bytes of the old image, as they are
  add,    // bytes of the old image, each plus a difference modulo 256
  fresh,  // bytes that the record brings
  zero,
  part,   // no bytes: names a block of the old image, which can be read from then on
  block,  // the ops that follow make size_bytes of content, which is packed: that are the bytes
  carry,  // what is left of a block, or of a piece, that began in an earlier frame
  piece,  // as block, of a stream
};

// Where a piece stands in its stream.
struct PiecePlace {
  bool goes_on = false;  // its history is the content of the record's piece before; else the first primed_bytes of its own content
  std::uint64_t primed_bytes = 0;  // at most kMaxHistoryBytes
  std::uint64_t ahead_bytes = 0;   // at the end of its content, which it only looks at, and which the next piece has again
  DeflateState state;              // gzip; else as it is here
  bool last = false;               // the stream ends with it
};

// A run of the new frame, or of a block's content. Each follows the one before; together they are the frame. size_bytes is at least 1.
struct Op {
  OpKind kind;
  std::uint64_t size_bytes;         // part: of its content
  std::uint64_t source_offset = 0;  // copy, add and part; what parts unpack to lies behind the old image, in the order of the parts
  std::uint64_t packed_bytes = 0;   // part, block and piece
  std::uint64_t coding = 0;         // part, block and piece
  PiecePlace piece = {};            // piece
};

// How a record's bytes are to be read; the lower two bits of its first byte.
enum class Coding : std::uint8_t {
  plain = 0,   // the body itself
  packed = 1,  // the body as a zstd frame
  stored = 2,  // no body: the frame as a bundle stores it, a zstd frame of the content
  lzma = 3,    // the body by LZMA, see packed.hpp
};
inline constexpr unsigned kCodingBits = 2;
inline constexpr std::uint64_t kMaxFramesBack = 31;
inline constexpr unsigned kModelledBit = 0x80;

inline Coding coding_of(std::byte first) { return static_cast<Coding>(std::to_integer<unsigned>(first) & 3); }
// How many frames before this one the block begins that it begins with the rest of; 0: there is none.
inline std::uint64_t frames_back(std::byte first) { return std::to_integer<unsigned>(first) >> kCodingBits & kMaxFramesBack; }
// Whether the differences stand before the body, as difference_model.hpp codes them: from version 2 of the format on.
inline bool is_modelled(std::byte first) { return (std::to_integer<unsigned>(first) & kModelledBit) != 0; }
inline std::byte first_byte(Coding coding, std::uint64_t back) {
  return static_cast<std::byte>(back << kCodingBits | static_cast<std::uint64_t>(coding));
}

// The most that a record may take for a frame of so much content.
constexpr std::uint64_t max_record_bytes(std::uint64_t frame_bytes) { return 2 * frame_bytes + 128; }

// What making one frame may cost, where the image's blocks that are taken apart have at most so many bytes (0: it has none).
struct RecordLimits {
  std::uint64_t body_bytes;
  std::uint64_t ops;             // each may cost a read of the old image
  std::uint64_t block_bytes;     // of contents that are packed
  std::uint64_t unpacked_bytes;  // of parts of the old image; of streams as StreamCost counts
};
constexpr RecordLimits record_limits(std::uint64_t frame_bytes, std::uint64_t most_block_bytes) {
  if (most_block_bytes == 0) return {max_record_bytes(frame_bytes), frame_bytes / 32 + 16, 0, 0};
  return {4 * frame_bytes + most_block_bytes + 128, frame_bytes / 4 + 16, 8 * frame_bytes + most_block_bytes,
          64 * frame_bytes + 8 * most_block_bytes};
}

// The body of a frame that begins at frame_offset of the new image. differences holds the bytes of all `add`, fresh those of all `fresh`,
// in order.
Bytes encode_body(std::uint64_t frame_offset, std::uint64_t source_bytes, const std::vector<Op>& ops, ByteView differences, ByteView fresh);

}  // namespace aloft::delta
