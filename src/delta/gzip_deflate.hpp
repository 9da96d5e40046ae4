// GNU gzip's compressor, to make again what it made: the same matches, the same blocks, bit for bit.
//
// gzip has written the same bytes for the same content since 1993; its levels 4 to 9 differ in four numbers. Format of the bytes: RFC 1951.
#pragma once

#include <functional>
#include <vector>

#include "delta/deflate_block.hpp"

namespace aloft::delta {

inline constexpr std::uint64_t kGzipModelVersion = 1;  // rises when the same content would give other bytes
inline constexpr std::size_t kDeflateHistoryBytes = 32768;
inline constexpr unsigned kMaxMatchBytes = 258;
inline constexpr unsigned kMinGzipLevel = 4;
inline constexpr unsigned kMaxGzipLevel = 9;

// Where gzip stands between two blocks. Its bytes from there on depend on this, on the 32 KiB of content before, and on the content behind.
struct DeflateState {
  unsigned bits = 1;         // those of the last byte that is not full: 1 followed by them, as BitWriter::begin takes it; 1 to 255
  unsigned match_bytes = 0;  // 0, or the byte before is not written yet, and a match of so many bytes was found there; 2: none was found
  unsigned distance = 0;     // of the match
  bool operator==(const DeflateState&) const = default;
};

// Told at the end of each block: how much of the content is done, how many whole bytes are written, and the state. False: enough.
using AtBlockEnd = std::function<bool(std::size_t content_bytes, std::size_t packed_bytes, const DeflateState& state)>;

// One thread at a time. Memory: 460 KiB.
class GzipDeflate {
 public:
  explicit GzipDeflate(unsigned level);

  struct Input {
    ByteView content;         // with the history in front, and behind it (unless `last`) at least 262 bytes more than is wanted
    std::size_t history = 0;  // bytes of it
    DeflateState state;
    bool last = false;  // the stream ends with the content
  };
  // How many bytes come out. Encodes until `packed` is full at the end of a block, the content is at its end, or at_end says so; what does
  // not fit is dropped. The last byte is incomplete, and not there, unless the stream ends.
  std::size_t encode(const Input& input, MutableByteView packed, const AtBlockEnd& at_end = {});

 private:
  struct Tuning {
    unsigned good, lazy, nice, chain;
  };
  static Tuning tuning_of(unsigned level);
  std::uint32_t insert(std::size_t at);
  unsigned longest_match(std::size_t at, std::uint32_t candidate, unsigned least, std::uint32_t& found) const;
  bool end_block(std::size_t at, bool last);

  const Tuning tuning_;
  ByteView content_;
  std::vector<std::uint32_t> head_;    // by hash of three bytes: the last place that has it; 0 none
  std::vector<std::uint32_t> before_;  // by place modulo 32 KiB: the one before with the same hash
  DeflateBlock block_;
  BitWriter out_;
  std::size_t block_begin_ = 0;
};

}  // namespace aloft::delta
