// One frame of a delta: what the new image's frame is made of. Text form: docs/delta-format.md.
#pragma once

#include <cstdint>
#include <vector>

#include "base/byte_source.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "delta/packed.hpp"

namespace aloft::delta {

inline constexpr unsigned kMinFrameShift = 16;
inline constexpr unsigned kMaxFrameShift = 22;

enum class OpKind : std::uint8_t {
  copy,   // bytes of the old image, as they are
  add,    // bytes of the old image, each plus a difference modulo 256
  fresh,  // bytes that the record brings
  zero,
};

// A run of the new frame. Each follows the one before; together they are the frame.
struct Op {
  OpKind kind;
  std::uint64_t size_bytes;         // at least 1
  std::uint64_t source_offset = 0;  // copy and add
};

// How a record's bytes are to be read; its first byte.
enum class Coding : std::uint8_t {
  plain = 0,   // the body itself
  packed = 1,  // the body as a zstd frame
  lzma = 3,    // the body by LZMA, see packed.hpp
  stored = 2,  // no body: the frame as a bundle stores it, a zstd frame of the content
};

// The most that a record may take for a frame of so much content.
constexpr std::uint64_t max_record_bytes(std::uint64_t frame_bytes) { return 2 * frame_bytes + 128; }

// The most operations that such a frame may have: each may cost a read of the old image.
constexpr std::uint64_t max_ops(std::uint64_t frame_bytes) { return frame_bytes / 32 + 16; }

// The body of a frame that begins at frame_offset of the new image. differences holds the bytes of all `add`, fresh those of all `fresh`,
// in order.
Bytes encode_body(std::uint64_t frame_offset, const std::vector<Op>& ops, ByteView differences, ByteView fresh);

// Turns records into frames. One per thread. Memory: at most two frames besides the one that is made, and a decoder context.
class FrameBuilder {
 public:
  // Makes the frame of content.size() bytes at frame_offset from the record and the old image. Nobody has vouched for the record: the
  // content is whatever it says, and has to be checked against a digest before anything is done with it. Never reads outside
  // [0, source_bytes) of the source nor writes outside content. Errors: kBadRecord, kBadDelta, kWrongSource, the source's own.
  Result<> build(ByteView record, std::uint64_t frame_offset, ByteSource& source, std::uint64_t source_bytes, MutableByteView content);

 private:
  Unpacker unpacker_;
  Bytes body_;
};

}  // namespace aloft::delta
