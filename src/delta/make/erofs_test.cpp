#include "delta/make/erofs.hpp"

#include "delta/errors.hpp"
#include "delta/make/erofs_clusters.hpp"
#include "delta/make/test_images.hpp"
#include "delta/piece_coding.hpp"

namespace aloft::delta {
namespace {

using crypto::test::must;

Bytes text(std::size_t size, std::uint32_t seed) {
  const Bytes choices = test::noise(size / 4 + 1, seed);
  std::string words;
  for (std::size_t i = 0; words.size() < size; ++i) words += "word" + std::to_string(std::to_integer<unsigned>(choices[i]) % 200) + ' ';
  const ByteView bytes = as_bytes(words);
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)};
}

// The least that is an erofs image: a directory, and a compressed file for each content. Its blocks first, its inodes at its end.
class SmallErofs {
 public:
  SmallErofs(const std::vector<Bytes>& files, bool compact) : image_(kErofsBlockBytes), compact_(compact) {
    std::vector<Bytes> inodes;
    inodes.reserve(files.size());
    for (const Bytes& file : files) inodes.push_back(inode_of(file));
    const std::size_t inodes_at = image_.size();
    std::size_t slot = 32;  // behind the directory's inode, with room for its entries
    Bytes entries(12 * files.size());
    for (std::size_t i = 0; i < files.size(); ++i) {
      store_le32(MutableByteView(entries).subspan(12 * i), static_cast<std::uint32_t>(slot));
      store_le32(MutableByteView(entries).subspan(12 * i + 8), static_cast<std::uint32_t>(entries.size()));
      image_.resize(inodes_at + slot * 32);
      test::append(image_, inodes[i]);
      slot += (inodes[i].size() + 31) / 32;
    }
    Bytes directory = head_of(2 << 1, 0x41ed, entries.size());
    test::append(directory, entries);
    std::ranges::copy(directory, image_.begin() + static_cast<std::ptrdiff_t>(inodes_at));
    image_.resize((image_.size() + kErofsBlockBytes - 1) / kErofsBlockBytes * kErofsBlockBytes);
    const MutableByteView super = MutableByteView(image_).subspan(1024);
    store_le32(super, 0xE0F5E1E2);
    store_le32(super.subspan(12), 12);
    store_le32(super.subspan(40), static_cast<std::uint32_t>(inodes_at / kErofsBlockBytes));
    store_le32(super.subspan(80), 1);
  }
  const Bytes& bytes() const { return image_; }
  std::size_t packed_blocks() const { return packed_blocks_; }

 private:
  static void put(Bytes& out, std::uint64_t value, unsigned size) {
    for (unsigned i = 0; i < size; ++i, value >>= 8) out.push_back(static_cast<std::byte>(value));
  }
  static Bytes head_of(unsigned format, unsigned mode, std::size_t size) {
    Bytes head;
    put(head, format, 2);
    put(head, 0, 2);
    put(head, mode, 2);
    put(head, 1, 2);
    put(head, size, 4);
    head.resize(32);
    return head;
  }

  struct Entry {
    unsigned kind = 2;
    unsigned value = 1;
    std::size_t block = 0;
  };

  // What mkfs.erofs does: as much as fits into a block, and what is left of no more than a block as it is.
  std::vector<Entry> clusters_of(ByteView file) {
    Coders coders({{.compressor = Compressor::lz4_fixed, .version = library_version(Compressor::lz4_fixed), .level = 9},
                   {.compressor = Compressor::lz4_fixed}});
    std::vector<Entry> entries((file.size() + kErofsBlockBytes - 1) / kErofsBlockBytes);
    entries.back() = {.kind = 0, .value = static_cast<unsigned>(file.size() % kErofsBlockBytes)};
    for (std::size_t at = 0; at < file.size();) {
      Bytes packed(kErofsBlockBytes);
      Bytes content(file.size() - at);
      bool is_packed = content.size() > kErofsBlockBytes;
      if (is_packed) {
        must(must(coders.piece_at(0))->encode({.content = file.subspan(at)}, packed));
        content.resize(must(must(coders.at(1))->decode(packed, content)));
        is_packed = content.size() > kErofsBlockBytes;
      }
      if (!is_packed) {
        packed.assign(file.begin() + static_cast<std::ptrdiff_t>(at),
                      file.begin() + static_cast<std::ptrdiff_t>(std::min(file.size(), at + kErofsBlockBytes)));
        content.resize(packed.size());
        packed.resize(kErofsBlockBytes);
      }
      entries[at / kErofsBlockBytes] = {
          .kind = is_packed ? 1U : 0U, .value = static_cast<unsigned>(at % kErofsBlockBytes), .block = image_.size() / kErofsBlockBytes};
      packed_blocks_ += is_packed ? 1 : 0;
      test::append(image_, packed);
      at += content.size();
    }
    return entries;
  }

  Bytes inode_of(ByteView file) {
    Bytes inode = head_of((compact_ ? 3U : 1U) << 1, 0x81a4, file.size());
    inode.resize(inode.size() + (compact_ ? 8 : 16));
    const std::vector<Entry> entries = clusters_of(file);
    for (std::size_t i = 0; i < entries.size(); i += compact_ ? 2 : 1) {
      if (!compact_) {
        put(inode, entries[i].kind, 2);
        put(inode, entries[i].kind == 2 ? 0 : entries[i].value, 2);
        put(inode, entries[i].kind == 2 ? 1 : entries[i].block, 4);
        continue;
      }
      std::size_t first = 0;
      for (std::size_t j = i; j < i + 2; ++j) {
        const Entry entry = j < entries.size() ? entries[j] : Entry();
        put(inode, entry.value | entry.kind << 12, 2);
        if (first == 0) first = entry.block;
      }
      put(inode, first - 1, 4);
    }
    return inode;
  }

  Bytes image_;
  bool compact_;
  std::size_t packed_blocks_ = 0;
};

class Erofs : public test::Folder, public ::testing::WithParamInterface<bool> {
 protected:
  Erofs() {
    files_ = {text(300'000, 1), text(1000, 2), text(400'000, 3), test::noise(30'000, 4)};
    old_ = SmallErofs(files_, GetParam()).bytes();
    files_[2].insert(files_[2].begin() + 150'000, files_[0].begin(), files_[0].begin() + 5'000);
    for (std::size_t i = 0; i < 100; ++i) files_[2][i * 999] = std::byte{'z'};
    new_ = SmallErofs(files_, GetParam()).bytes();
  }
  std::vector<Bytes> files_;
  Bytes old_;
  Bytes new_;
};

TEST_P(Erofs, ItsClustersAreFound) {
  const SmallErofs image(files_, GetParam());
  const Layout layout = must(read_erofs(image.bytes()));
  EXPECT_EQ(layout.file_system, "erofs");
  EXPECT_EQ(layout.compressor, Compressor::lz4_fixed);
  ASSERT_EQ(layout.blocks.size(), image.packed_blocks());
  Coders coders({{.compressor = Compressor::lz4_fixed}});
  Bytes all;
  for (const Packed& block : layout.blocks) {
    EXPECT_EQ(block.packed_bytes, kErofsBlockBytes);
    Bytes content(block.content_limit_bytes);
    ASSERT_EQ(must(must(coders.at(0))->decode(ByteView(image.bytes()).subspan(block.offset, kErofsBlockBytes), content)), content.size());
    test::append(all, content);
    if (all.size() < files_[0].size()) {
      EXPECT_EQ(block.follow_bytes, files_[0].size() - all.size());
    }
  }
  EXPECT_TRUE(std::ranges::equal(ByteView(all).first(200'000), ByteView(files_[0]).first(200'000)));
}

TEST_P(Erofs, ItIsDifferencedByItsContents) {
  const Bytes delta = test::delta_of(write("old", old_), write("new", new_));
  EXPECT_LT(delta.size(), 3'000U);
  EXPECT_EQ(must(test::applied(delta, old_)), new_);
  ViewSource bytes(delta);
  EXPECT_EQ(must(Patch::open(bytes)).version(), 4U);
}

// What a block's content ends with may stand in the old image right before the block that is copied next: these are two operations.
TEST_P(Erofs, ABlockThatIsCopiedBehindOneThatIsMadeIsNoPartOfIt) {
  const Bytes plain = test::noise(kErofsBlockBytes, 5);
  const Bytes same = text(100'000, 6);
  Bytes made = text(6'000, 7);
  const Bytes from = SmallErofs({made, plain, same}, GetParam()).bytes();
  made.insert(made.end(), plain.end() - 1'500, plain.end());
  const Bytes to = SmallErofs({made, same}, GetParam()).bytes();
  const Bytes delta = test::delta_of(write("old", from), write("new", to));
  EXPECT_LT(delta.size(), 2'000U);
  EXPECT_EQ(must(test::applied(delta, from)), to);
}

TEST_P(Erofs, EveryFrameCanBeStartedWith) { test::expect_any_start(test::delta_of(write("old", old_), write("new", new_)), old_, new_); }

TEST_P(Erofs, FromAnotherKindOfImageItComesBackToo) {
  const Bytes plain = text(200'000, 1);
  EXPECT_EQ(must(test::applied(test::delta_of(write("old", plain), write("new", new_)), plain)), new_);
  EXPECT_EQ(must(test::applied(test::delta_of(write("old", old_), write("new", plain)), old_)), plain);
}

TEST_P(Erofs, DamageIsAnErrorOrLeavesBlocksWithinTheImage) {
  for (std::size_t cut = 0; cut < old_.size(); cut += cut < 1200 ? 1 : 997) {
    const ByteView image = ByteView(old_).first(cut);
    if (!is_erofs(image)) continue;
    const auto layout = read_erofs(image);
    EXPECT_TRUE(layout ? layout->blocks.back().offset_end() <= cut : layout.error().code.number == kCannotMake.number) << cut;
  }
  const std::size_t inodes = load_le32(ByteView(old_).subspan(1024 + 40)) * kErofsBlockBytes;
  for (std::size_t at = 1024; at < old_.size(); at = at == 1151 ? inodes : at + 1) {
    Bytes image = old_;
    image[at] ^= std::byte{0x55};
    if (!is_erofs(image)) continue;
    const auto layout = read_erofs(image);
    EXPECT_TRUE(layout || layout.error().code.number == kCannotMake.number) << at;
    for (std::size_t i = 0; layout && i < layout->blocks.size(); ++i) EXPECT_LE(layout->blocks[i].offset_end(), image.size());
  }
}

INSTANTIATE_TEST_SUITE_P(Maps, Erofs, ::testing::Bool());

}  // namespace
}  // namespace aloft::delta
