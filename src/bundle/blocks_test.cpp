#include "bundle/blocks.hpp"

#include <gtest/gtest.h>

#include "bundle/errors.hpp"
#include "bundle/rolling_sum.hpp"
#include "bundle/test_bundle.hpp"

namespace aloft::bundle {
namespace {

using crypto::test::must;
constexpr std::uint32_t kFrame = kMinFrameBytes;

// A frame, one of zeros, and a shorter one whose last block is no whole one.
class Blocks : public ::testing::Test {
 protected:
  Blocks() : content_(test::test_content(2 * kFrame + 10'000, 7)) {
    std::fill_n(content_.begin() + kFrame, kFrame, std::byte{0});
    const auto built = test::build({{.name = "rootfs", .content = content_, .blocks = BlockNames::include}});
    image_ = built.manifest.images.front();
    payload_ = built.payload;
    std::size_t at = 0;
    for (const StoredFrame& frame : image_.stored) {
      stored_.emplace_back(payload_.begin() + static_cast<std::ptrdiff_t>(at),
                           payload_.begin() + static_cast<std::ptrdiff_t>(at + frame.size_bytes));
      at += frame.size_bytes;
    }
    section_.assign(payload_.begin() + static_cast<std::ptrdiff_t>(at), payload_.end());
  }
  ByteView content(std::uint64_t frame) const { return ByteView(content_).subspan(frame * kFrame, image_.frame_content_bytes(frame)); }
  int decoded(std::uint64_t frame, ByteView stored) const {
    Bytes out(image_.frame_content_bytes(frame));
    const auto done = FrameDecoder().decode(image_, frame, stored, out);
    return done ? 0 : done.error().code.number;
  }
  int parsed(ByteView section) const {
    const auto table = BlockTable::parse(image_, section);
    return table ? 0 : table.error().code.number;
  }
  Bytes content_;
  Image image_;
  Bytes payload_;
  std::vector<Bytes> stored_;
  Bytes section_;
};

TEST_F(Blocks, AreNamedInOrderWithWhatTheyTake) {
  EXPECT_EQ(section_.size(), (16U + 3U) * 8U) << "zeros are in no section";
  EXPECT_EQ(section_.size(), image_.blocks_section_bytes());
  const auto table = must(BlockTable::parse(image_, section_));
  EXPECT_EQ(table.count(0), 16U);
  EXPECT_EQ(table.count(1), 0U);
  EXPECT_EQ(table.count(2), 3U);
  for (std::size_t block = 0; block < 16; ++block) {
    EXPECT_EQ(table.at(0, block).name, block_name(content(0).subspan(block * kBlockBytes, kBlockBytes)));
    EXPECT_GT(table.at(0, block).stored_bytes, 1000U);
  }
  EXPECT_EQ(table.at(2, 2).name, block_name(content(2).subspan(2 * kBlockBytes)));
  EXPECT_LT(table.at(2, 2).stored_bytes, 1500U);
}

// Written down in docs/bundle-format.md.
TEST_F(Blocks, ANameIsARollingSumAndTwoBytesOfTheDigest) {
  EXPECT_EQ(block_name(Bytes(kBlockBytes)), 0x7fad'62a7'f36fU);
  Bytes counting(kBlockBytes);
  for (std::size_t i = 0; i < counting.size(); ++i) counting[i] = static_cast<std::byte>(i);
  EXPECT_EQ(block_name(counting), 0xf5c8'25d8'cf9bU);
}

TEST_F(Blocks, AWindowThatMovesHasTheSumOfItsBytes) {
  const Bytes bytes = test::test_content(3 * kBlockBytes, 11);
  RollingSum sum(ByteView(bytes).first(kBlockBytes));
  for (std::size_t at = 0; at < 2 * kBlockBytes; ++at) {
    ASSERT_EQ(sum.value(), RollingSum(ByteView(bytes).subspan(at, kBlockBytes)).value()) << at;
    sum.move(bytes[at], bytes[at + kBlockBytes]);
  }
}

TEST_F(Blocks, FramesOfThemAreDecodedAsAWhole) {
  for (std::uint64_t frame = 0; frame < 3; ++frame) EXPECT_EQ(decoded(frame, stored_[frame]), 0) << frame;
  EXPECT_LT(stored_[1].size(), 50U);
}

TEST_F(Blocks, TheContentBeforeABlockHelpsToPackIt) {
  Bytes twice = test::test_content(2 * kBlockBytes, 3);
  std::copy_n(twice.begin(), kBlockBytes, twice.begin() + kBlockBytes);
  const auto built = test::build({{.name = "rootfs", .content = twice, .blocks = BlockNames::include}});
  const auto table = must(BlockTable::parse(built.manifest.images[0], ByteView(built.payload).last(16)));
  EXPECT_LT(table.at(0, 1).stored_bytes, 40U);
}

// Matches across the ends of blocks, of any length, near and far, at every level that parses in another way.
TEST_F(Blocks, ThatShareLongMatchesComeOutRight) {
  Bytes mixed = test::test_content(3 * kFrame, 5);
  for (std::size_t at = 5'000; at + 20'000 < mixed.size(); at += 9'001)
    std::copy_n(mixed.begin() + static_cast<std::ptrdiff_t>(at / 3), at % 7'000, mixed.begin() + static_cast<std::ptrdiff_t>(at));
  std::fill_n(mixed.begin() + 3 * kBlockBytes - 2, kBlockBytes + 4, std::byte{7});
  for (const std::size_t size : {mixed.size(), std::size_t{kFrame + 4097}, std::size_t{kFrame + 1}, std::size_t{6}}) {
    const Bytes content(mixed.begin(), mixed.begin() + static_cast<std::ptrdiff_t>(size));
    for (const int level : {1, 3, 6, 9, 12, 13, 17, 19}) {
      FrameEncoder encoder(Encoding::zstd, level, kFrame, BlockNames::include);
      for (std::size_t at = 0; at < size; at += kFrame) {
        const ByteView frame = ByteView(content).subspan(at, std::min<std::size_t>(kFrame, size - at));
        PackedFrame packed;
        must(encoder.encode(frame, packed));
        Image image{.name = "one", .size_bytes = frame.size(), .frame_size_bytes = kFrame};
        image.frames = {packed.content_sha256};
        image.stored = {{static_cast<std::uint32_t>(packed.stored.size()), packed.stored_sha256}};
        image.blocks = Digest{};
        Bytes out(frame.size());
        EXPECT_TRUE(FrameDecoder().decode(image, 0, packed.stored, out)) << size << " " << level << " " << at;
      }
    }
  }
}

TEST_F(Blocks, ASectionThatDoesNotFitTheFramesIsRefused) {
  EXPECT_EQ(parsed(section_), 0);
  EXPECT_EQ(parsed(ByteView(section_).first(section_.size() - 8)), kBadBlocks.number);
  EXPECT_EQ(parsed(ByteView(section_).first(section_.size() - 1)), kBadBlocks.number);
  EXPECT_EQ(parsed({}), kBadBlocks.number);
  Bytes longer = section_;
  longer.resize(longer.size() + 8);
  EXPECT_EQ(parsed(longer), kBadBlocks.number);
  for (const std::size_t entry : {0U, 15U, 16U, 18U}) {
    Bytes other = section_;
    other[entry * 8 + 6] ^= std::byte{1};
    EXPECT_EQ(parsed(other), kBadBlocks.number) << entry;
    other[entry * 8 + 6] = other[entry * 8 + 7] = std::byte{0xff};
    EXPECT_EQ(parsed(other), kBadBlocks.number) << entry;
  }
}

TEST_F(Blocks, EntriesAreOnlyOfWhatIsStoredBlockByBlock) {
  FrameEncoder whole(Encoding::zstd, 3, kFrame, BlockNames::omit);
  PackedFrame packed;
  must(whole.encode(content(0), packed));
  Bytes section;
  EXPECT_EQ(append_block_entries(Encoding::zstd, kFrame, content(0), packed.stored, section).error().code.number, kBadBlocks.number);
  Bytes longer = stored_[0];
  longer.push_back(std::byte{0});
  EXPECT_EQ(append_block_entries(Encoding::zstd, kFrame, content(0), longer, section).error().code.number, kBadBlocks.number);
  EXPECT_EQ(append_block_entries(Encoding::zstd, kFrame, content(0), ByteView(stored_[0]).first(100), section).error().code.number,
            kBadBlocks.number);
}

TEST_F(Blocks, AFrameWithOtherBlocksThanItsOwnIsNotDecoded) {
  const auto table = must(BlockTable::parse(image_, section_));
  const ByteView stored = stored_[0];
  const std::size_t first = table.at(0, 0).stored_bytes;
  EXPECT_EQ(decoded(0, stored.first(stored.size() - table.at(0, 15).stored_bytes)), kBadFrame.number) << "one is missing";
  EXPECT_EQ(decoded(0, stored.first(stored.size() - 1)), kBadFrame.number);
  Bytes more = stored_[0];
  more.insert(more.end(), stored.begin(), stored.begin() + static_cast<std::ptrdiff_t>(first));
  EXPECT_EQ(decoded(0, more), kBadFrame.number) << "one more";
  EXPECT_EQ(decoded(2, stored.first(first)), kBadFrame.number);
  const Bytes junk(stored.size(), std::byte{0x28});
  EXPECT_EQ(decoded(0, junk), kBadFrame.number);
}

}  // namespace
}  // namespace aloft::bundle
