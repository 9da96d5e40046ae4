// Compressed streams that are too large to be made at once: they are made in pieces, each of which needs little of the one before. And
// blocks of a given size, which are pieces without a history.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "delta/gzip_deflate.hpp"

namespace aloft::delta {

inline constexpr std::size_t kLz4HistoryBytes = 65536;
inline constexpr std::size_t kMaxHistoryBytes = kLz4HistoryBytes;
inline constexpr std::size_t kMaxAheadBytes = 8192;
// Of a stream of the old image: of its content, and as it is packed.
inline constexpr std::uint64_t kMaxStreamBytes = 512ULL << 20;

struct Piece {
  ByteView content;         // history, what is wanted, and bytes behind it that the compressor looks at
  std::size_t history = 0;  // bytes of it, at most kMaxHistoryBytes
  DeflateState state;       // gzip: how it stands where the piece begins
  bool last = false;        // the stream ends with the piece
};

// One per thread. Memory: lz4 260 KiB and room for the piece, gzip 460 KiB.
class PieceCoder {
 public:
  virtual ~PieceCoder() = default;
  // Fills `packed` with the bytes of the stream that stand where the content behind the history does; lz4_fixed: with as much of the
  // content as it has room for, at its end, and zeros before. Errors: kBadRecord when they are fewer.
  virtual Result<> encode(const Piece& piece, MutableByteView packed) = 0;
};

}  // namespace aloft::delta
