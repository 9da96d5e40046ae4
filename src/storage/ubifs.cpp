#include "storage/ubifs.hpp"

#include "base/crc32.hpp"
#include "storage/errors.hpp"

namespace aloft::storage {
namespace {

constexpr std::uint32_t kMagic = 0x06101831;
constexpr std::size_t kTypeAt = 20;  // behind magic, crc, sequence number, length
constexpr std::byte kSuperblockNode{6};
constexpr std::size_t kCrcFrom = 8;
constexpr std::size_t kLeastUnitAt = 32;
constexpr std::size_t kBlockBytesAt = 36;
constexpr std::size_t kBlocksAt = 40;

}  // namespace

Result<UbifsGeometry> read_ubifs(ByteView start) {
  if (start.size() < kUbifsSuperblockBytes || load_le32(start) != kMagic || start[kTypeAt] != kSuperblockNode)
    return fail(kUbifsGeometry, "the image is of type ubifs, but does not begin as mkfs.ubifs makes them; a ubinized image is of type raw");
  start = start.first(kUbifsSuperblockBytes);
  // As Linux counts it, without the last inversion.
  if ((crc32(start.subspan(kCrcFrom)) ^ 0xffffffffU) != load_le32(start.subspan(4)))
    return fail(kUbifsGeometry, "the superblock of the UBIFS image is damaged; make the image again");
  const UbifsGeometry geometry{.block_bytes = load_le32(start.subspan(kBlockBytesAt)),
                               .blocks = load_le32(start.subspan(kBlocksAt)),
                               .least_unit_bytes = load_le32(start.subspan(kLeastUnitAt))};
  if (geometry.block_bytes == 0) return fail(kUbifsGeometry, "the superblock of the UBIFS image makes no sense; make the image again");
  return geometry;
}

}  // namespace aloft::storage
