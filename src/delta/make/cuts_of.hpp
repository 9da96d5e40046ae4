// For cuts.cpp: each compressor's part of it.
#pragma once

#include "delta/make/cuts.hpp"
#include "delta/piece_coding.hpp"

namespace aloft::delta::detail {

inline constexpr std::uint64_t kPieceContentBytes = 256ULL << 10;  // of a piece, if it can be
inline constexpr std::uint64_t kGzipAheadBytes = 600;
inline constexpr std::uint64_t kLz4AheadBytes = 1024;

StreamCuts cut_gzip(ByteView packed, ByteView content);
StreamCuts cut_lz4(ByteView packed, ByteView content);
// Whether the cut's piece, with the history that it has in the stream, gives its bytes.
bool is_proven(const Cut& cut, PieceCoder& coder, ByteView packed, ByteView content);
std::uint64_t history_of(Compressor compressor);

}  // namespace aloft::delta::detail
