#include "storage/block_device.hpp"

#include <algorithm>
#include <array>

namespace aloft::storage {

Result<> BlockDevice::write_zeros(std::uint64_t offset, std::uint64_t size) {
  alignas(4096) static constexpr std::array<std::byte, 64U << 10> kZeros{};
  while (size > 0) {
    const std::size_t chunk = static_cast<std::size_t>(std::min<std::uint64_t>(size, kZeros.size()));
    TRY(write(offset, ByteView(kZeros).first(chunk)));
    offset += chunk;
    size -= chunk;
  }
  return {};
}

}  // namespace aloft::storage
