#include "delta/make/squashfs.hpp"

#include <algorithm>
#include <bit>
#include <optional>

#include "delta/errors.hpp"
#include "delta/make/squashfs_inodes.hpp"

namespace aloft::delta {
namespace {

constexpr std::uint32_t kMagic = 0x73717368;
constexpr std::uint64_t kSuperblockBytes = 96;
constexpr std::uint64_t kMetadataBytes = 8192;
constexpr std::uint64_t kMaxInodeTableBytes = 256ULL << 20;
constexpr std::uint64_t kNone = UINT64_MAX;
constexpr unsigned kHasOptions = 0x400;
constexpr std::uint64_t kFragmentEntryBytes = 16;
constexpr std::uint32_t kStoredBit = 1U << 24;

std::unexpected<Error> bad(const char* what) { return fail(kCannotMake, std::string("the squashfs image ") + what); }

std::uint64_t le16(ByteView bytes) { return std::to_integer<unsigned>(bytes[0]) | std::to_integer<unsigned>(bytes[1]) << 8; }

class Reader {
 public:
  explicit Reader(ByteView image) : image_(image) {}

  Result<Layout> read() {
    TRY(superblock());
    TRY(inodes());
    TRY(tables());
    TRY(directories());
    put_in_order(layout_.blocks, image_.size());
    return std::move(layout_);
  }

 private:
  struct Metadata {
    ByteView stored;
    std::uint64_t offset;  // of what is stored
    bool compressed;
    std::uint64_t end() const { return offset + stored.size(); }
  };

  Result<> superblock() {
    block_bytes_ = load_le32(image_.subspan(12));
    fragments_ = load_le32(image_.subspan(16));
    const std::uint64_t flags = le16(image_.subspan(24));
    ids_ = le16(image_.subspan(26));
    inode_count_ = load_le32(image_.subspan(4));
    id_table_ = load_le64(image_.subspan(48));
    xattr_table_ = load_le64(image_.subspan(56));
    inode_table_ = load_le64(image_.subspan(64));
    directory_table_ = load_le64(image_.subspan(72));
    fragment_table_ = load_le64(image_.subspan(80));
    export_table_ = load_le64(image_.subspan(88));
    metadata_end_ = std::min<std::uint64_t>(image_.size(), load_le64(image_.subspan(40)));
    if (block_bytes_ < 4096 || block_bytes_ > kMaxBlockBytes || !std::has_single_bit(block_bytes_))
      return bad("has a block size that cannot be");
    ByteView options;
    if ((flags & kHasOptions) != 0) options = TRY(metadata(kSuperblockBytes)).stored;
    return compressor(le16(image_.subspan(20)), options);
  }

  // Numbers and options as in squashfs_fs.h and squashfs-tools; a compressor's default where it has no options.
  Result<> compressor(std::uint64_t id, ByteView options) {
    const auto option = [&](std::size_t at, std::uint64_t otherwise) {
      return options.size() >= at + 4 ? std::uint64_t{load_le32(options.subspan(at))} : otherwise;
    };
    auto& candidates = layout_.candidates;
    const auto add = [&](std::uint64_t level, std::uint64_t window = 0, std::uint64_t variant = 0) {
      const BlockCoding one{layout_.compressor, library_version(layout_.compressor), level, window, variant};
      if (is_valid(one) && std::ranges::find(candidates, one) == candidates.end()) candidates.push_back(one);
    };
    switch (id) {
      case 1:
        layout_.compressor = Compressor::zlib;
        for (std::uint64_t variant = 0; variant <= 4; ++variant)
          add(option(0, 9) & 0xff, options.size() >= 6 ? le16(options.subspan(4)) : 15, variant);
        break;
      case 4:
        layout_.compressor = Compressor::xz;
        for (const std::uint64_t level : {6U, 9U}) {
          add(level, option(0, block_bytes_));
          add(level, kMetadataBytes);
          for (std::uint64_t filter = 4; filter <= 9; ++filter) add(level, option(0, block_bytes_), filter);
        }
        break;
      case 5:
        layout_.compressor = Compressor::lz4;
        add((option(4, 0) & 1) != 0 ? 12U : 0U);
        break;
      case 6:
        layout_.compressor = Compressor::zstd;
        add(option(0, 15));
        for (const std::uint64_t level : {15U, 19U, 3U, 22U, 9U, 12U, 18U, 6U, 1U}) add(level);
        break;
      default: return bad("has a compressor that is not taken apart (known are gzip, xz, lz4 and zstd)");
    }
    layout_.file_system = "squashfs";
    return {};
  }

  Result<Metadata> metadata(std::uint64_t at) const {
    if (at > metadata_end_ || metadata_end_ - at < 2) return bad("ends within its metadata");
    const std::uint64_t header = le16(image_.subspan(at));
    const std::uint64_t size = header & 0x7fff;
    if (size == 0 || size > kMetadataBytes || size > metadata_end_ - at - 2) return bad("has metadata of a size that cannot be");
    return Metadata{image_.subspan(at + 2, size), at + 2, (header & 0x8000) == 0};
  }

  void add_block(std::uint64_t offset, std::uint64_t packed_bytes, std::uint64_t limit) {
    layout_.blocks.push_back({offset, packed_bytes, limit});
  }

  // Every metadata block from `at` on until `end`; their contents, if they are wanted, into `content`.
  Result<> chain(std::uint64_t at, std::uint64_t end, Bytes* content) {
    while (at < end) {
      const Metadata block = TRY(metadata(at));
      if (block.compressed) add_block(block.offset, block.stored.size(), kMetadataBytes);
      if (content != nullptr) TRY(unpack(block, *content));
      at = block.end();
    }
    return {};
  }

  Result<> unpack(const Metadata& block, Bytes& content) {
    const std::size_t begin = content.size();
    if (begin > kMaxInodeTableBytes) return bad("has more inodes than are taken apart");
    if (!block.compressed) {
      content.insert(content.end(), block.stored.begin(), block.stored.end());
      return {};
    }
    content.resize(begin + kMetadataBytes);
    const auto size = coder_->decode(block.stored, MutableByteView(content).subspan(begin));
    if (!size) return bad("has metadata that cannot be unpacked");
    content.resize(begin + *size);
    return {};
  }

  Result<> inodes() {
    coders_.emplace(std::vector{BlockCoding{.compressor = layout_.compressor}});
    coder_ = TRY(coders_->at(0));
    if (inode_table_ < kSuperblockBytes || inode_table_ >= directory_table_) return bad("has its tables in an order that cannot be");
    Bytes table;
    TRY(chain(inode_table_, directory_table_, &table));
    TRY(read_inodes(table, block_bytes_, [&](std::uint64_t offset, std::uint32_t size) {
      if ((size & kStoredBit) == 0) add_block(offset, size, block_bytes_);
    }));
    return fragments();
  }

  // The metadata blocks that a lookup table of count entries points to. `first` is made no later than the first of them.
  Result<std::vector<Metadata>> lookup(std::uint64_t table, std::uint64_t count, std::uint64_t entry_bytes, std::uint64_t& first) {
    const std::uint64_t pointers = (count * entry_bytes + kMetadataBytes - 1) / kMetadataBytes;
    if (table > metadata_end_ || pointers > (metadata_end_ - table) / 8) return bad("has a table that ends outside of it");
    std::vector<Metadata> blocks;
    for (std::uint64_t i = 0; i < pointers; ++i) {
      const Metadata block = TRY(metadata(load_le64(image_.subspan(table + i * 8))));
      if (block.compressed) add_block(block.offset, block.stored.size(), kMetadataBytes);
      first = std::min(first, block.offset - 2);
      blocks.push_back(block);
    }
    first = std::min(first, table);
    return blocks;
  }

  Result<> fragments() {
    if (fragments_ == 0 || fragment_table_ == kNone) return {};
    Bytes entries;
    for (const Metadata& block : TRY(lookup(fragment_table_, fragments_, kFragmentEntryBytes, after_directories_)))
      TRY(unpack(block, entries));
    if (entries.size() < fragments_ * kFragmentEntryBytes) return bad("has fewer fragments than it says");
    for (std::uint64_t i = 0; i < fragments_; ++i) {
      const ByteView entry = ByteView(entries).subspan(i * kFragmentEntryBytes);
      if ((load_le32(entry.subspan(8)) & kStoredBit) == 0) add_block(load_le64(entry), load_le32(entry.subspan(8)), block_bytes_);
    }
    return {};
  }

  Result<> tables() {
    if (export_table_ != kNone) TRY(lookup(export_table_, inode_count_, 8, after_directories_));
    TRY(lookup(id_table_, ids_, 4, after_directories_));
    if (xattr_table_ == kNone) return {};
    if (xattr_table_ > metadata_end_ || metadata_end_ - xattr_table_ < 16) return bad("has extended attributes outside of it");
    const std::uint64_t pairs = load_le64(image_.subspan(xattr_table_));
    std::uint64_t ids = kNone;
    TRY(lookup(xattr_table_ + 16, load_le32(image_.subspan(xattr_table_ + 8)), 16, ids));
    after_directories_ = std::min({after_directories_, pairs, ids});
    return chain(pairs, ids, nullptr);
  }

  Result<> directories() { return chain(directory_table_, std::min(after_directories_, metadata_end_), nullptr); }

  ByteView image_;
  Layout layout_;
  std::optional<Coders> coders_;
  BlockCoder* coder_ = nullptr;
  std::uint64_t block_bytes_ = 0;
  std::uint64_t fragments_ = 0;
  std::uint64_t ids_ = 0;
  std::uint64_t inode_count_ = 0;
  std::uint64_t metadata_end_ = 0;
  std::uint64_t id_table_ = 0;
  std::uint64_t xattr_table_ = 0;
  std::uint64_t inode_table_ = 0;
  std::uint64_t directory_table_ = 0;
  std::uint64_t fragment_table_ = 0;
  std::uint64_t export_table_ = 0;
  std::uint64_t after_directories_ = kNone;  // where the directory table ends at the latest
};

}  // namespace

bool is_squashfs(ByteView image) {
  return image.size() >= kSuperblockBytes && load_le32(image) == kMagic && le16(image.subspan(28)) == 4 && le16(image.subspan(30)) == 0;
}

Result<Layout> read_squashfs(ByteView image) {
  if (!is_squashfs(image)) return bad("does not begin as one of version 4");
  return Reader(image).read();
}

}  // namespace aloft::delta
