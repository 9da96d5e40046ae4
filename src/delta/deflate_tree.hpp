// Huffman codes of deflate (RFC 1951), built as gzip and zlib build them: where codes of equal cost could differ, they do as those do.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace aloft::delta {

inline constexpr unsigned kMaxCodeBits = 15;

// Of one alphabet: how long each symbol's code is, and what it is (its first bit lowest, as it is written).
struct HuffmanCode {
  std::array<std::uint8_t, 288> bits{};
  std::array<std::uint16_t, 288> codes{};
  std::size_t last_symbol = 0;  // the highest that has a code
  std::uint64_t cost_bits = 0;  // of all symbols by their counts, without extra bits

  // From how often each symbol occurs, at most 286; a code has at most max_bits bits. At least two symbols get a code; those that occur
  // nowhere cost nothing.
  static HuffmanCode of(std::span<const std::uint16_t> counts, unsigned max_bits);
  // From the lengths of codes in `bits`: fills codes.
  void number(std::size_t symbols);
};

}  // namespace aloft::delta
