#include "delta/make/cuts.hpp"

#include <algorithm>

#include "delta/make/cuts_of.hpp"

namespace aloft::delta {

std::uint64_t detail::history_of(Compressor compressor) { return compressor == Compressor::gzip ? kDeflateHistoryBytes : kLz4HistoryBytes; }

bool detail::is_proven(const Cut& cut, PieceCoder& coder, ByteView packed, ByteView content) {
  const std::uint64_t history = std::min<std::uint64_t>(kMaxHistoryBytes, cut.content_begin);
  const std::uint64_t begin = cut.content_begin - history;
  const ByteView wanted = packed.subspan(cut.packed_begin, cut.packed_end - cut.packed_begin);
  Bytes made(wanted.size());
  const Piece piece{.content = content.subspan(begin, cut.content_end + cut.piece.ahead_bytes - begin),
                    .history = static_cast<std::size_t>(history),
                    .state = cut.piece.state,
                    .last = cut.piece.last};
  return coder.encode(piece, made).has_value() && std::ranges::equal(made, wanted);
}

StreamCuts cut_stream(Compressor compressor, ByteView packed, ByteView content) {
  StreamCuts result = compressor == Compressor::gzip ? detail::cut_gzip(packed, content) : detail::cut_lz4(packed, content);
  std::uint64_t remade = 0;
  for (Cut& cut : result.cuts) {
    const std::uint64_t whole = cut.content_end - cut.content_begin + cut.piece.ahead_bytes + kMaxHistoryBytes;
    cut.remade = cut.remade && whole <= kMaxBlockBytes && cut.packed_end - cut.packed_begin <= kMaxBlockBytes;
    if (cut.remade) remade += cut.packed_end - cut.packed_begin;
  }
  if (remade < packed.size() / 2) result.cuts.clear();
  return result;
}

}  // namespace aloft::delta
