#include "delta/make/squashfs.hpp"

#include "delta/errors.hpp"
#include "delta/make/squashfs_inodes.hpp"
#include "delta/make/test_images.hpp"

namespace aloft::delta {
namespace {

using crypto::test::must;

constexpr std::size_t kBlock = 131072;

Bytes letters(std::size_t size, std::uint32_t seed) {
  Bytes bytes = test::noise(size, seed);
  for (auto& byte : bytes) byte = static_cast<std::byte>('a' + (std::to_integer<unsigned>(byte) & 15));
  return bytes;
}

// The least that is a squashfs image: the blocks of one file for each content, an inode table, an empty directory, one owner. Metadata is
// not compressed, data is by zlib.
class SmallSquashfs {
 public:
  explicit SmallSquashfs(const std::vector<Bytes>& files) : image_(96), inodes_() {
    for (const Bytes& file : files) add(file);
    const std::uint64_t inode_table = metadata(inodes_);
    const std::uint64_t directory_table = metadata(Bytes(3));
    const std::uint64_t ids = metadata(Bytes(4));
    const std::uint64_t id_table = image_.size();
    put(image_, ids, 8);
    const MutableByteView head(image_);
    store_le32(head, 0x73717368);
    store_le32(head.subspan(12), kBlock);
    store_le32(head.subspan(20), 1 | 17 << 16);  // gzip
    store_le32(head.subspan(24), 1 << 16);       // one owner
    store_le32(head.subspan(28), 4);
    store_le64(head.subspan(40), image_.size());
    store_le64(head.subspan(48), id_table);
    store_le64(head.subspan(56), UINT64_MAX);
    store_le64(head.subspan(64), inode_table);
    store_le64(head.subspan(72), directory_table);
    store_le64(head.subspan(80), UINT64_MAX);
    store_le64(head.subspan(88), UINT64_MAX);
  }
  const Bytes& bytes() const { return image_; }

 private:
  static void put(Bytes& out, std::uint64_t value, unsigned size) {
    for (unsigned i = 0; i < size; ++i, value >>= 8) out.push_back(static_cast<std::byte>(value));
  }
  std::uint64_t metadata(const Bytes& content) {
    const std::uint64_t offset = image_.size();
    put(image_, 0x8000 | content.size(), 2);
    test::append(image_, content);
    return offset;
  }
  void add(ByteView file) {
    Coders coders({{.compressor = Compressor::zlib, .version = library_version(Compressor::zlib), .level = 9, .window = 15}});
    Bytes sizes;
    const std::uint64_t start = image_.size();
    for (std::size_t at = 0; at < file.size(); at += kBlock) {
      Bytes packed(kBlock);
      packed.resize(must(must(coders.at(0))->encode(file.subspan(at, std::min(kBlock, file.size() - at)), packed)));
      put(sizes, packed.size(), 4);
      test::append(image_, packed);
    }
    put(inodes_, 2, 16);
    put(inodes_, start, 4);
    put(inodes_, UINT32_MAX, 4);
    put(inodes_, 0, 4);
    put(inodes_, file.size(), 4);
    test::append(inodes_, sizes);
  }
  Bytes image_;
  Bytes inodes_;
};

class Squashfs : public test::Folder {
 protected:
  Squashfs() {
    std::vector<Bytes> files = {letters(300'000, 1), letters(1000, 2), letters(400'000, 3)};
    old_ = SmallSquashfs(files).bytes();
    files[2].insert(files[2].begin() + 150'000, files[0].begin(), files[0].begin() + 5'000);
    for (std::size_t i = 0; i < 100; ++i) files[2][i * 999] = std::byte{'z'};
    new_ = SmallSquashfs(files).bytes();
  }
  Bytes old_;
  Bytes new_;
};

TEST_F(Squashfs, ItsBlocksAreFound) {
  const Layout layout = must(read_squashfs(old_));
  EXPECT_EQ(layout.file_system, "squashfs");
  EXPECT_EQ(layout.compressor, Compressor::zlib);
  ASSERT_EQ(layout.blocks.size(), 3U + 1U + 4U);
  EXPECT_EQ(layout.blocks.front().offset, 96U);
  for (std::size_t i = 1; i < layout.blocks.size(); ++i) EXPECT_EQ(layout.blocks[i].offset, layout.blocks[i - 1].offset_end());
}

TEST_F(Squashfs, ItIsDifferencedByItsContents) {
  const Bytes delta = test::delta_of(write("old", old_), write("new", new_));
  EXPECT_LT(delta.size(), 2'000U);
  EXPECT_EQ(must(test::applied(delta, old_)), new_);
}

TEST_F(Squashfs, EveryFrameCanBeStartedWith) { test::expect_any_start(test::delta_of(write("old", old_), write("new", new_)), old_, new_); }

TEST_F(Squashfs, FromAnotherKindOfImageItComesBackToo) {
  const Bytes plain = letters(200'000, 1);
  EXPECT_EQ(must(test::applied(test::delta_of(write("old", plain), write("new", new_)), plain)), new_);
  EXPECT_EQ(must(test::applied(test::delta_of(write("old", old_), write("new", plain)), old_)), plain);
}

TEST_F(Squashfs, DamageIsAnErrorOrLeavesBlocksWithinTheImage) {
  for (std::size_t cut = 0; cut < old_.size(); cut += cut < 100 ? 1 : 997) {
    const ByteView image = ByteView(old_).first(cut);
    EXPECT_TRUE(!is_squashfs(image) || !read_squashfs(image)) << cut;
  }
  const std::size_t table = static_cast<std::size_t>(load_le64(ByteView(old_).subspan(64)));
  for (std::size_t at = 4; at < old_.size(); at = at == 95 ? table : at + 1) {
    Bytes image = old_;
    image[at] ^= std::byte{0x55};
    if (!is_squashfs(image)) continue;
    const auto layout = read_squashfs(image);
    EXPECT_TRUE(layout || layout.error().code.number == kCannotMake.number) << at;
    for (std::size_t i = 0; layout && i < layout->blocks.size(); ++i) EXPECT_LE(layout->blocks[i].offset_end(), image.size());
  }
}

}  // namespace
}  // namespace aloft::delta
