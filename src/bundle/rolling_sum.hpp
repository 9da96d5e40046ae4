// A sum over a window of bytes that follows when the window moves by one: finds a block wherever its bytes stand.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "bundle/manifest.hpp"

namespace aloft::bundle {

// Of bytes b: the sum of (b + 1) * kFactor^(bytes behind it) modulo 2^64, of which the upper half counts. A hint, as names are: whoever
// wants other bytes with the same sum can have them.
class RollingSum {
 public:
  explicit RollingSum(ByteView window) {
    for (const std::byte byte : window) sum_ = sum_ * kFactor + number(byte);
  }
  // Of a window of kBlockBytes: one byte leaves in front, one comes behind.
  void move(std::byte leaves, std::byte comes) { sum_ = sum_ * kFactor + number(comes) - number(leaves) * kWindowFactor; }
  std::uint32_t value() const { return static_cast<std::uint32_t>(sum_ >> 32U); }

 private:
  static constexpr std::uint64_t kFactor = 0x9e37'79b9'7f4a'7c15;  // odd, so that no byte is lost; 2^64 by the golden ratio
  static constexpr std::uint64_t kWindowFactor = [] {
    std::uint64_t power = 1;
    for (std::uint32_t i = 0; i < kBlockBytes; ++i) power *= kFactor;
    return power;
  }();
  static std::uint64_t number(std::byte byte) { return std::to_integer<std::uint64_t>(byte) + 1; }
  std::uint64_t sum_ = 0;
};

}  // namespace aloft::bundle
