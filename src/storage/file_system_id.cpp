#include "storage/file_system_id.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace aloft::storage {
namespace {

constexpr std::size_t kSuperblock = 1024;
constexpr std::size_t kSectorBytes = 512;

std::uint64_t little_endian(ByteView head, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value |= std::to_integer<std::uint64_t>(head[at + i]) << (8 * i);
  return value;
}

// "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"; empty for sixteen zeros.
std::string uuid_text(ByteView bytes) {
  if (std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; })) return {};
  std::string text = to_hex(bytes);
  for (const std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, "-");
  return text;
}

// Up to the first zero byte, without the spaces that pad it.
std::string name_text(ByteView bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    if (byte == std::byte{0}) break;
    text += static_cast<char>(byte);
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

std::optional<FileSystemId> ext(ByteView head) {
  if (head.size() < kSuperblock + 0x88 || little_endian(head, kSuperblock + 0x38, 2) != 0xEF53) return std::nullopt;
  return FileSystemId{"ext", uuid_text(head.subspan(kSuperblock + 0x68, 16)), name_text(head.subspan(kSuperblock + 0x78, 16))};
}

std::optional<FileSystemId> erofs(ByteView head) {
  if (head.size() < kSuperblock + 80 || little_endian(head, kSuperblock, 4) != 0xE0F5E1E2) return std::nullopt;
  return FileSystemId{"erofs", uuid_text(head.subspan(kSuperblock + 48, 16)), name_text(head.subspan(kSuperblock + 64, 16))};
}

std::optional<FileSystemId> squashfs(ByteView head) {
  if (head.size() < 4 || little_endian(head, 0, 4) != 0x73717368) return std::nullopt;
  return FileSystemId{"squashfs", "", ""};
}

// FAT32 has no sectors-per-FAT in the 16-bit field; its own fields come after 28 bytes more.
std::optional<FileSystemId> vfat(ByteView head) {
  if (head.size() < kSectorBytes || little_endian(head, 510, 2) != 0xAA55) return std::nullopt;
  const std::size_t at = little_endian(head, 22, 2) == 0 ? 28 : 0;
  if (name_text(head.subspan(54 + at, 3)) != "FAT" || little_endian(head, 38 + at, 1) != 0x29) return std::nullopt;
  std::array<std::byte, 4> serial{};
  std::ranges::reverse_copy(head.subspan(39 + at, 4), serial.begin());
  std::string uuid = to_hex(serial);
  std::ranges::transform(uuid, uuid.begin(), [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c; });
  uuid.insert(4, "-");
  std::string label = name_text(head.subspan(43 + at, 11));
  if (label == "NO NAME") label.clear();
  return FileSystemId{"vfat", uuid, label};
}

}  // namespace

std::optional<FileSystemId> file_system_id(ByteView head) {
  for (const auto read : {ext, erofs, squashfs, vfat})
    if (auto id = read(head)) return id;
  return std::nullopt;
}

}  // namespace aloft::storage
