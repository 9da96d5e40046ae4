#include "delta/make/squashfs_inodes.hpp"

#include "delta/errors.hpp"

namespace aloft::delta {
namespace {

constexpr std::uint32_t kNoFragment = UINT32_MAX;
constexpr std::uint32_t kSizeMask = (1U << 24) - 1;

// Inode types as in squashfs_fs.h.
enum Type : std::uint16_t {
  dir = 1,
  file,
  symlink,
  block,
  character,
  fifo,
  socket,
  long_dir,
  long_file,
  long_symlink,
  long_block,
  long_character,
  long_fifo,
  long_socket
};

class Inodes {
 public:
  Inodes(ByteView table, std::uint64_t block_bytes, const TakeDataBlock& take) : rest_(table), block_bytes_(block_bytes), take_(take) {}

  Result<> run() {
    while (!rest_.empty()) TRY(one());
    return {};
  }

 private:
  static std::unexpected<Error> bad() { return fail(kCannotMake, "the squashfs image has an inode table that is damaged"); }

  Result<ByteView> take(std::uint64_t size) {
    if (size > rest_.size()) return bad();
    const ByteView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  static std::uint16_t le16(ByteView bytes) {
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[0]) | std::to_integer<unsigned>(bytes[1]) << 8);
  }

  Result<> one() {
    const auto type = le16(TRY(take(16)));  // and permissions, owner, time and number
    switch (type) {
      case dir: TRY(take(16)); return {};
      case file: {
        const ByteView rest = TRY(take(16));
        return blocks(load_le32(rest), load_le32(rest.subspan(4)), load_le32(rest.subspan(12)));
      }
      case symlink:
      case long_symlink: {
        const std::uint64_t name = load_le32(TRY(take(8)).subspan(4));
        TRY(take(name + (type == long_symlink ? 4 : 0)));
        return {};
      }
      case block:
      case character: TRY(take(8)); return {};
      case fifo:
      case socket: TRY(take(4)); return {};
      case long_dir: return index(le16(TRY(take(24)).subspan(16)));
      case long_file: {
        const ByteView rest = TRY(take(40));
        return blocks(load_le64(rest), load_le32(rest.subspan(28)), load_le64(rest.subspan(8)));
      }
      case long_block:
      case long_character: TRY(take(12)); return {};
      case long_fifo:
      case long_socket: TRY(take(8)); return {};
      default: return bad();
    }
  }

  Result<> index(unsigned count) {
    for (unsigned i = 0; i < count; ++i) TRY(take(std::uint64_t{load_le32(TRY(take(12)).subspan(8))} + 1));
    return {};
  }

  Result<> blocks(std::uint64_t offset, std::uint32_t fragment, std::uint64_t file_bytes) {
    const std::uint64_t count = file_bytes / block_bytes_ + (fragment == kNoFragment && file_bytes % block_bytes_ != 0 ? 1 : 0);
    if (count > rest_.size() / 4) return bad();
    const ByteView sizes = TRY(take(count * 4));
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint32_t size = load_le32(sizes.subspan(i * 4));
      if ((size & kSizeMask) != 0) take_(offset, size);
      offset += size & kSizeMask;
    }
    return {};
  }

  ByteView rest_;
  const std::uint64_t block_bytes_;
  const TakeDataBlock& take_;
};

}  // namespace

Result<> read_inodes(ByteView table, std::uint64_t block_bytes, const TakeDataBlock& take) {
  return Inodes(table, block_bytes, take).run();
}

}  // namespace aloft::delta
