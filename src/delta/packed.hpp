// Compressed parts of a delta, whose size is known before a byte of them is decoded.
#pragma once

#include <memory>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace aloft::delta {

// One per thread. Memory: a decoder context; the window is the content itself.
class Unpacker {
 public:
  Unpacker();
  Unpacker(Unpacker&&) noexcept;
  ~Unpacker();
  // `packed` must be exactly one zstd frame, a single segment without dictionary, that declares at most limit_bytes of content.
  // `content` is resized to that. Errors: kBadDelta.
  Result<> unpack(ByteView packed, std::uint64_t limit_bytes, Bytes& content);
  // As much content as there is room for, packed with `prefix` before it; nothing is written beyond `content`. Errors: kBadDelta.
  Result<> unpack_behind(ByteView prefix, ByteView packed, MutableByteView content);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The counterpart. One per thread. The same content, level and version of zstd give the same bytes.
class Packer {
 public:
  explicit Packer(int level);
  Packer(Packer&&) noexcept;
  ~Packer();
  // `packed` is replaced. Errors: kNotProven.
  Result<> pack(ByteView content, Bytes& packed);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The same by LZMA, which takes longer and gives less. In front stand the usual byte of properties, (pb * 5 + lp) * 9 + lc with
// lc + lp <= 4, and the content's size; the stream is LZMA1 as it is (no header), with its end marker, and a dictionary as large as the
// content, at most 1 MiB. `content` is resized to the size. Memory besides: the dictionary, and 32 KiB. Errors: kBadDelta.
Result<> unpack_lzma(ByteView packed, std::uint64_t limit_bytes, Bytes& content);
// `packed` is replaced. Errors: kNotProven.
Result<> pack_lzma(ByteView content, Bytes& packed);

}  // namespace aloft::delta
