// Numbers in the byte order of disks.
#pragma once

#include <concepts>
#include <cstddef>

#include "base/bytes.hpp"

namespace aloft::storage {

// The view must reach that far.
template <std::unsigned_integral Number>
Number get_le(ByteView bytes, std::size_t at) {
  Number value = 0;
  for (std::size_t i = sizeof(Number); i-- > 0;)
    value = static_cast<Number>((static_cast<std::uint64_t>(value) << 8U) | std::to_integer<std::uint64_t>(bytes[at + i]));
  return value;
}

template <std::unsigned_integral Number>
void put_le(MutableByteView bytes, std::size_t at, Number value) {
  for (std::size_t i = 0; i < sizeof(Number); ++i) bytes[at + i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i));
}

}  // namespace aloft::storage
