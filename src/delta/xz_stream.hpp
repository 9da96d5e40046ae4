// .xz streams, as devices unpack them.
#pragma once

#include <lzma.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace aloft::delta {

inline const std::uint8_t* octets_of(ByteView bytes) { return reinterpret_cast<const std::uint8_t*>(bytes.data()); }
inline std::uint8_t* octets_of(MutableByteView bytes) { return reinterpret_cast<std::uint8_t*>(bytes.data()); }

struct XzSize {
  std::size_t packed;
  std::size_t content;
};

// Unpacks the .xz stream that `packed` begins with. Nothing where there is none, where its content has no room, or where the decoder would
// need more than 4 MiB of memory.
inline std::optional<XzSize> unpack_xz(ByteView packed, MutableByteView content) {
  std::uint64_t memory = 4ULL << 20;
  XzSize size{};
  const lzma_ret done = lzma_stream_buffer_decode(&memory, 0, nullptr, octets_of(packed), &size.packed, packed.size(), octets_of(content),
                                                  &size.content, content.size());
  return done == LZMA_OK ? std::optional(size) : std::nullopt;
}

}  // namespace aloft::delta
