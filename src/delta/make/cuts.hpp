// Streams of the new image cut into pieces that are made again one by one.
#pragma once

#include <vector>

#include "delta/make/layout.hpp"
#include "delta/record.hpp"

namespace aloft::delta {

// A run of a stream's packed bytes and the content that stands there.
struct Cut {
  std::uint64_t packed_begin = 0;  // in the stream
  std::uint64_t packed_end = 0;
  std::uint64_t content_begin = 0;
  std::uint64_t content_end = 0;
  bool remade = false;  // else these bytes travel as they are
  PiecePlace piece;     // remade: but for how its history comes
};

struct StreamCuts {
  std::vector<Cut> cuts;  // all of the stream, in order; empty: it is left as it is
  BlockCoding coding;     // of those that are remade
};

// Finds what made the stream, and where it can be cut: each cut is tried. `packed` is the stream, `content` what it unpacks to. A stream of
// which less than half is made again is left as it is. Memory: a compressor, a few MiB.
StreamCuts cut_stream(Compressor compressor, ByteView packed, ByteView content);

}  // namespace aloft::delta
