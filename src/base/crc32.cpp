#include "base/crc32.hpp"

#include <array>

namespace aloft {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t value = 0; value < table.size(); ++value) {
    std::uint32_t crc = value;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320U : 0U);
    table[value] = crc;
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> kTable = make_table();

// The table's index by the highest byte of what stands there: each occurs once.
constexpr std::array<std::uint8_t, 256> make_way_back() {
  std::array<std::uint8_t, 256> index{};
  for (std::size_t value = 0; value < kTable.size(); ++value) index[kTable[value] >> 24] = static_cast<std::uint8_t>(value);
  return index;
}

constexpr std::array<std::uint8_t, 256> kWayBack = make_way_back();

}  // namespace

std::uint32_t crc32(ByteView bytes, std::uint32_t before) {
  std::uint32_t crc = ~before;
  for (const std::byte byte : bytes) crc = kTable[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xff] ^ (crc >> 8);
  return ~crc;
}

std::uint32_t crc32_before(ByteView bytes, std::uint32_t after) {
  std::uint32_t crc = ~after;
  for (std::size_t at = bytes.size(); at-- > 0;) {
    const std::uint32_t index = kWayBack[crc >> 24];
    crc = ((crc ^ kTable[index]) << 8) | ((index ^ std::to_integer<std::uint32_t>(bytes[at])) & 0xff);
  }
  return ~crc;
}

}  // namespace aloft
