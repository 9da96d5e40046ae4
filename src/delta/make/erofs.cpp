#include "delta/make/erofs.hpp"

#include <algorithm>
#include <unordered_set>

#include "delta/errors.hpp"
#include "delta/make/erofs_clusters.hpp"

namespace aloft::delta {
namespace {

constexpr std::uint64_t kSuperblockOffset = 1024;
constexpr std::uint64_t kSuperblockBytes = 128;
constexpr std::uint32_t kMagic = 0xE0F5E1E2;
constexpr unsigned kBlockBits = 12;
constexpr std::uint64_t kSlotBytes = 32;  // inodes stand at multiples of it, and are named by that
constexpr std::uint64_t kDirentBytes = 12;
constexpr unsigned kFileType = 0xf000, kRegular = 0x8000, kDirectory = 0x4000;  // of a mode

// Features that a reader must know. Those above are not known here.
enum Feature : unsigned { behind_zeros = 1, fragments = 0x20, known = 0x7f };

struct Inode {
  enum DataLayout : unsigned { flat, packed, tail_within, packed_compact };
  std::uint64_t end;  // behind it and its attributes
  unsigned mode;
  unsigned data_layout;
  std::uint64_t size_bytes;
  std::uint64_t first_block;
};

class Reader {
 public:
  explicit Reader(ByteView image) : image_(image) {}

  Result<Layout> read() {
    const ByteView super = image_.subspan(kSuperblockOffset);
    const std::uint32_t features = load_le32(super.subspan(80));
    if ((features & ~static_cast<unsigned>(known)) != 0) return bad_erofs("has features that are not known");
    if (std::to_integer<unsigned>(super[12]) != kBlockBits) return bad_erofs("has blocks that are not of 4 KiB");
    inodes_at_ = std::uint64_t{load_le32(super.subspan(40))} << kBlockBits;
    take(low16(super.subspan(14)));
    if ((features & fragments) != 0) take(load_le64(super.subspan(96)));  // the file that has other files' tails
    while (!waiting_.empty()) {
      const std::uint64_t number = waiting_.back();
      waiting_.pop_back();
      TRY(inode(number));
    }
    if ((features & behind_zeros) == 0 && !layout_.blocks.empty()) return bad_erofs("is of a kind from before Linux 5.3");
    put_in_order(layout_.blocks, image_.size());
    layout_.file_system = "erofs";
    layout_.compressor = Compressor::lz4_fixed;
    add_candidates();
    return std::move(layout_);
  }

 private:
  // mkfs.erofs takes level 9 of lz4hc when nothing is said, and the fast compressor for lz4.
  void add_candidates() {
    const auto add = [&](std::uint64_t level, std::uint64_t variant) {
      layout_.candidates.push_back(
          {.compressor = Compressor::lz4_fixed, .version = library_version(Compressor::lz4_fixed), .level = level, .variant = variant});
    };
    add(9, 0);
    add(12, 0);
    add(0, 1);
    add(0, 0);
    for (const std::uint64_t level : {10U, 11U, 8U, 7U, 6U, 5U, 4U, 3U, 2U, 1U}) add(level, 0);
  }

  void take(std::uint64_t number) {
    if (seen_.insert(number).second) waiting_.push_back(number);
  }

  Result<ByteView> at(std::uint64_t offset, std::uint64_t size) const {
    if (offset > image_.size() || size > image_.size() - offset) return bad_erofs("ends within its inodes or directories");
    return image_.subspan(offset, size);
  }

  Result<Inode> read_inode(std::uint64_t number) const {
    if (number > image_.size() / kSlotBytes) return bad_erofs("names an inode that is outside of it");
    const std::uint64_t offset = inodes_at_ + number * kSlotBytes;
    const std::uint64_t format = low16(TRY(at(offset, 32)));
    const bool is_long = (format & 1) != 0;
    const std::uint64_t size = is_long ? 64 : 32;
    const ByteView bytes = TRY(at(offset, size));
    const std::uint64_t attributes = low16(bytes.subspan(2));
    return Inode{.end = offset + size + (attributes == 0 ? 0 : 12 + (attributes - 1) * 4),
                 .mode = static_cast<unsigned>(low16(bytes.subspan(4))),
                 .data_layout = static_cast<unsigned>(format >> 1 & 7),
                 .size_bytes = is_long ? load_le64(bytes.subspan(8)) : load_le32(bytes.subspan(8)),
                 .first_block = load_le32(bytes.subspan(16))};
  }

  Result<> inode(std::uint64_t number) {
    const Inode inode = TRY(read_inode(number));
    if ((inode.mode & kFileType) == kDirectory) return directory(inode);
    if ((inode.mode & kFileType) != kRegular) return {};
    const bool compact = inode.data_layout == Inode::packed_compact;
    if (!compact && inode.data_layout != Inode::packed) return {};
    clusters(TRY(read_clusters(image_, (inode.end + 7) / 8 * 8, inode.size_bytes, compact)));
    return {};
  }

  void add_cluster(const ErofsCluster& cluster, std::uint64_t follow_bytes) {
    const std::uint64_t content = cluster.end - cluster.begin;
    if (!cluster.is_packed || content > kMaxBlockBytes) return;
    layout_.blocks.push_back({cluster.first_block << kBlockBits, cluster.blocks << kBlockBits, content, follow_bytes});
  }

  // What follows a cluster is what the compressor had behind it, as long as the blocks follow each other in the image.
  void clusters(const std::vector<ErofsCluster>& all) {
    std::uint64_t follow = 0;
    for (std::size_t i = all.size(); i-- > 0;) {
      if (i + 1 < all.size()) {
        const bool next = all[i].first_block + all[i].blocks == all[i + 1].first_block;
        follow = next ? follow + (all[i + 1].end - all[i + 1].begin) : 0;
      }
      add_cluster(all[i], follow);
    }
  }

  Result<> directory(const Inode& inode) {
    if (inode.data_layout != Inode::flat && inode.data_layout != Inode::tail_within) return {};
    const std::uint64_t whole = inode.size_bytes >> kBlockBits;
    if (whole > image_.size() >> kBlockBits) return bad_erofs("has a directory that is larger than it can be");
    for (std::uint64_t i = 0; i < whole; ++i) TRY(entries(TRY(at((inode.first_block + i) << kBlockBits, kErofsBlockBytes))));
    const std::uint64_t rest = inode.size_bytes & (kErofsBlockBytes - 1);
    if (rest == 0) return {};
    const bool within = inode.data_layout == Inode::tail_within;
    return entries(TRY(at(within ? inode.end : (inode.first_block + whole) << kBlockBits, rest)));
  }

  // The names stand behind the entries, of which the first says where its own does.
  Result<> entries(ByteView block) {
    if (block.size() < kDirentBytes) return bad_erofs("has a directory that is damaged");
    const std::uint64_t end = low16(block.subspan(8));
    if (end > block.size() || end < kDirentBytes) return bad_erofs("has a directory that is damaged");
    for (std::uint64_t offset = 0; offset + kDirentBytes <= end; offset += kDirentBytes) take(load_le64(block.subspan(offset)));
    return {};
  }

  ByteView image_;
  Layout layout_;
  std::uint64_t inodes_at_ = 0;
  std::vector<std::uint64_t> waiting_;
  std::unordered_set<std::uint64_t> seen_;
};

}  // namespace

bool is_erofs(ByteView image) {
  return image.size() >= kSuperblockOffset + kSuperblockBytes && load_le32(image.subspan(kSuperblockOffset)) == kMagic;
}

Result<Layout> read_erofs(ByteView image) {
  if (!is_erofs(image)) return bad_erofs("does not begin as one");
  return Reader(image).read();
}

}  // namespace aloft::delta
