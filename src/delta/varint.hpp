// Integers of variable length, and a reader of outside bytes that never leaves them.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace aloft::delta {

// Little-endian groups of seven bits, the high bit saying that another follows; at most ten bytes, the shortest form only.
void put_varint(Bytes& out, std::uint64_t value);
// Zigzag: small numbers of either sign are short.
void put_signed(Bytes& out, std::int64_t value);

class Input {
 public:
  explicit Input(ByteView bytes) : rest_(bytes) {}
  bool empty() const { return rest_.empty(); }
  std::size_t size() const { return rest_.size(); }
  // Errors of all three: kBadDelta.
  Result<std::uint64_t> varint();
  Result<std::int64_t> signed_varint();
  Result<ByteView> take(std::uint64_t size_bytes);

 private:
  ByteView rest_;
};

}  // namespace aloft::delta
