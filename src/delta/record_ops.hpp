// What the writer and the reader of a record's operations have to agree on.
#pragma once

#include <cstdint>

namespace aloft::delta {

// An operation's first number is its size and kind, or one of these, which have no size.
inline constexpr unsigned kKindBits = 2;
inline constexpr std::uint64_t kKindMask = 3;
inline constexpr std::uint64_t kPartTag = 0;
inline constexpr std::uint64_t kBlockTag = 1;
inline constexpr std::uint64_t kCarryTag = 2;
inline constexpr std::uint64_t kPieceTag = 3;
inline constexpr std::uint64_t kLastBit = 0x100;  // of a piece's state, behind the bits of its first byte

// Where the operations that name no distance read: kept the same by who writes and who reads a body.
class Expectation {
 public:
  Expectation(std::uint64_t frame_offset, std::uint64_t source_bytes) : place_(frame_offset), part_(frame_offset), inner_(source_bytes) {}
  std::uint64_t place() const { return place_; }  // of a copy or add
  std::uint64_t part() const { return part_; }    // of a part: its offset
  void read(std::uint64_t place, std::uint64_t size_bytes) { place_ = place + size_bytes; }
  void pass(std::uint64_t size_bytes) { place_ += size_bytes; }  // fresh, zero, carry
  void name_part(std::uint64_t offset, std::uint64_t packed_bytes, std::uint64_t place) {
    part_ = offset + packed_bytes;
    place_ = place;
  }
  void enter_block(std::uint64_t packed_bytes) {
    outer_ = place_ + packed_bytes;
    place_ = inner_;
  }
  // `ahead`: bytes at its end that the next one begins with again.
  void leave_block(std::uint64_t ahead = 0) {
    inner_ = place_ - ahead;
    place_ = outer_;
  }

 private:
  std::uint64_t place_;
  std::uint64_t part_;
  std::uint64_t inner_;
  std::uint64_t outer_ = 0;
};

}  // namespace aloft::delta
