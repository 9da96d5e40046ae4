// The CRC-32 of Ethernet, zlib and every boot loader (reflected polynomial 0xedb88320).
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace aloft {

// Of `bytes`; or of what came before and `bytes`, where `before` is the CRC of what came before.
std::uint32_t crc32(ByteView bytes, std::uint32_t before = 0);
// The way back: what `before` must have been where crc32(bytes, before) is `after`.
std::uint32_t crc32_before(ByteView bytes, std::uint32_t after);

}  // namespace aloft
