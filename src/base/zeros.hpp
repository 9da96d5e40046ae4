// Bytes that are all zero.
#pragma once

#include <cstring>

#include "base/bytes.hpp"

namespace aloft {

// Also of no bytes.
inline bool is_zero(ByteView bytes) {
  return bytes.empty() || (bytes[0] == std::byte{0} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace aloft
