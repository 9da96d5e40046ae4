// One block of deflate (RFC 1951), written as GNU gzip writes it.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/bytes.hpp"

namespace aloft::delta {

// Bits, the lowest first, into bytes of the caller's; what there is no room for is dropped.
class BitWriter {
 public:
  // Begins with bits that are there already: 1 followed by those, the first one lowest; 1 for none.
  void begin(MutableByteView out, unsigned first_bits);
  void put(std::uint32_t value, unsigned bits);
  void align();
  // Whole bytes so far, also those that were dropped; and the bits behind them, as `begin` takes them.
  std::size_t bytes() const { return written_; }
  unsigned open_bits() const { return 1U << count_ | static_cast<unsigned>(waiting_); }

 private:
  MutableByteView out_;
  std::size_t written_ = 0;
  std::uint64_t waiting_ = 0;
  unsigned count_ = 0;
};

inline constexpr unsigned kMinMatch = 3;  // bytes

// Literals and matches until they are a block. Memory: 200 KiB.
class DeflateBlock {
 public:
  static constexpr std::size_t kTokens = 0x8000;  // gzip's LIT_BUFSIZE and DIST_BUFSIZE
  DeflateBlock();
  void literal(std::byte value);
  // bytes 3 to 258, distance 1 to 32768.
  void match(unsigned bytes, unsigned distance);
  // Whether gzip ends the block here: its buffer is full, or what it has is packed well and likely to change (in_bytes: of content so far).
  bool is_full(std::uint64_t in_bytes) const;
  // Writes the block in the shortest of deflate's three ways, as gzip estimates them, and begins the next one. `content` is what it has
  // been made of.
  void flush(BitWriter& out, ByteView content, bool last);

 private:
  struct Tree;
  struct Token {
    std::uint16_t distance;  // 0: a literal
    std::uint8_t value;      // of a literal, or of a match its bytes less 3
  };
  void clear();
  void write_tokens(BitWriter& out, const Tree& literals, const Tree& distances) const;

  std::vector<Token> tokens_;
  std::size_t matches_ = 0;
  std::array<std::uint16_t, 286> literal_counts_{};
  std::array<std::uint16_t, 30> distance_counts_{};
};

}  // namespace aloft::delta
