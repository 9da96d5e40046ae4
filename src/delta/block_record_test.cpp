#include <gtest/gtest.h>

#include "crypto/test_pki.hpp"
#include "delta/errors.hpp"
#include "delta/frame_builder.hpp"
#include "delta/record_ops.hpp"
#include "delta/test_record.hpp"
#include "delta/varint.hpp"
#include "delta/view_source.hpp"

namespace aloft::delta {
namespace {

using crypto::test::must;
using test::kFrameBytes;

BlockCoding zstd_coding() { return {.compressor = Compressor::zstd, .version = library_version(Compressor::zstd), .level = 3}; }

// Sixteen letters: packs to about half.
Bytes letters(std::size_t size, unsigned seed) {
  Bytes bytes(size);
  std::uint64_t state = seed + 1;
  for (auto& byte : bytes) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    byte = static_cast<std::byte>('a' + (state >> 60));
  }
  return bytes;
}

// An old image of 1000 bytes and a packed block of 80000 letters behind them; a new one of two frames: a block of the same letters, some of
// them changed, that begins in the first and ends in the second.
class BlockRecord : public ::testing::Test {
 protected:
  void SetUp() override {
    old_ = letters(1000, 1);
    content_ = letters(80'000, 2);
    const Bytes packed = pack(content_);
    old_packed_ = packed.size();
    old_.insert(old_.end(), packed.begin(), packed.end());
    changed_ = content_;
    for (std::size_t i = 0; i < 500; ++i) changed_[i * 100] = std::byte{'z'};
    for (std::size_t i = 0; i < changed_.size(); ++i)
      differences_.push_back(static_cast<std::byte>(std::to_integer<unsigned>(changed_[i]) - std::to_integer<unsigned>(content_[i])));
    new_packed_ = pack(changed_);
  }

  static Bytes pack(ByteView content) {
    Coders coders({zstd_coding()});
    Bytes packed(content.size());
    packed.resize(must(must(coders.at(0))->encode(content, packed)));
    return packed;
  }

  Bytes record(std::uint64_t offset, const std::vector<Op>& ops, std::uint64_t back = 0, ByteView fresh = {}) const {
    std::uint64_t added = 0;
    for (const Op& op : ops) added += op.kind == OpKind::add ? op.size_bytes : 0;
    return test::plain(encode_body(offset, old_.size(), ops, ByteView(differences_).first(added), fresh), back);
  }

  Op part() const { return {OpKind::part, content_.size(), 1000, old_packed_, 0}; }
  Op block() const { return {OpKind::block, changed_.size(), 0, new_packed_.size(), 0}; }
  Op added() const { return {OpKind::add, changed_.size(), old_.size()}; }
  std::uint64_t first_part() const { return 10'000; }  // of the block's packed bytes, in the first frame
  Bytes first() const { return record(0, {{OpKind::zero, kFrameBytes - first_part()}, part(), block(), added()}); }
  Bytes second() const {
    const std::uint64_t rest = new_packed_.size() - first_part();
    return record(kFrameBytes, {{OpKind::carry, rest}, {OpKind::zero, kFrameBytes - rest}}, 1);
  }

  std::uint16_t error(ByteView record, std::uint64_t offset = 0) {
    Bytes content(kFrameBytes);
    const auto built = builder_.build(record, offset, source(), old_.size(), content);
    return built ? std::uint16_t{0} : built.error().code.number;
  }
  ViewSource& source() {
    source_.emplace(old_);
    return *source_;
  }

  Bytes old_;
  Bytes content_;
  Bytes changed_;
  Bytes differences_;
  Bytes new_packed_;
  std::uint64_t old_packed_ = 0;
  std::optional<ViewSource> source_;
  FrameBuilder builder_{{zstd_coding()}};
};

TEST_F(BlockRecord, ABlockIsMadeAgainAcrossTwoFrames) {
  Bytes frame(kFrameBytes);
  must(builder_.build(first(), 0, source(), old_.size(), frame));
  EXPECT_TRUE(std::ranges::equal(ByteView(frame).last(first_part()), ByteView(new_packed_).first(first_part())));
  must(builder_.build(second(), kFrameBytes, source(), old_.size(), frame));
  EXPECT_TRUE(std::ranges::equal(ByteView(frame).first(new_packed_.size() - first_part()), ByteView(new_packed_).subspan(first_part())));
  EXPECT_TRUE(builder_.carry().empty());
}

TEST_F(BlockRecord, ALaterFrameCanBeStartedWith) {
  EXPECT_EQ(error(second(), kFrameBytes), kBadRecord.number);  // nothing was handed on
  must(builder_.begin(first(), 0, kFrameBytes, source(), old_.size()));
  Bytes frame(kFrameBytes);
  must(builder_.build(second(), kFrameBytes, source(), old_.size(), frame));
  EXPECT_TRUE(std::ranges::equal(ByteView(frame).first(new_packed_.size() - first_part()), ByteView(new_packed_).subspan(first_part())));
}

TEST_F(BlockRecord, AFileMayBeLargerThanABlock) {
  const BlockCoding file{.compressor = Compressor::zstd_file, .version = library_version(Compressor::zstd_file), .level = 1};
  for (const auto& [coding, most] : {std::pair{zstd_coding(), kMaxBlockBytes}, std::pair{file, kMaxFileBytes}}) {
    Coders coders({coding});
    for (const std::uint64_t size : {most, most + 1}) {
      Bytes packed(kFrameBytes);
      packed.resize(must(must(coders.at(0))->encode(Bytes(size), packed)));
      FrameBuilder builder({coding});
      Bytes frame(kFrameBytes);
      const auto made = builder.build(
          record(0, {{OpKind::block, size, 0, packed.size(), 0}, {OpKind::zero, size}, {OpKind::zero, kFrameBytes - packed.size()}}), 0,
          source(), old_.size(), frame);
      EXPECT_EQ(made.has_value(), size == most) << size;
      if (size == most) {
        EXPECT_TRUE(std::ranges::equal(ByteView(frame).first(packed.size()), packed));
      }
    }
  }
}

TEST_F(BlockRecord, WhatIsHandedOnIsForTheNextFrameOnly) {
  ASSERT_EQ(error(first()), 0);
  EXPECT_EQ(error(second(), 2 * kFrameBytes), kBadRecord.number);
  ASSERT_EQ(error(first()), 0);
  EXPECT_EQ(error(record(kFrameBytes, {{OpKind::zero, kFrameBytes}})), 0);  // does not want it
  EXPECT_EQ(error(second(), 2 * kFrameBytes), kBadRecord.number);
}

TEST_F(BlockRecord, HostileRecordsAreRefused) {
  const std::uint64_t before = kFrameBytes - first_part();
  Op large = block();
  large.size_bytes = kMaxBlockBytes + 1;
  Op small = block();
  small.packed_bytes -= 1;
  Op more = block();
  more.packed_bytes += 1;
  Op unknown = block();
  unknown.coding = 1;
  Op outside = part();
  outside.source_offset = old_.size() - 5;
  Op shifted = part();
  shifted.source_offset = 999;
  Op swollen = part();
  swollen.size_bytes += 1;
  const struct {
    const char* name;
    std::vector<Op> ops;
    std::uint16_t error;
  } cases[] = {
      {"a huge block", {{OpKind::zero, before}, part(), large, added()}, kBadRecord.number},
      {"a block that comes out larger", {{OpKind::zero, before}, part(), small, added()}, kBadRecord.number},
      {"a block that comes out smaller", {{OpKind::zero, before}, part(), more, added()}, kBadRecord.number},
      {"an unknown compressor", {{OpKind::zero, before}, part(), unknown, added()}, kBadRecord.number},
      {"a block in a block", {{OpKind::zero, before}, part(), block(), block(), added()}, kBadRecord.number},
      {"a block behind the frame", {{OpKind::zero, kFrameBytes}, part(), block(), added()}, kBadRecord.number},
      {"a block that ends too early", {{OpKind::zero, before}, part(), block()}, kBadRecord.number},
      {"a part that is not named", {{OpKind::zero, before}, block(), added()}, kBadRecord.number},
      {"a part outside the old image", {{OpKind::zero, before}, outside, block(), added()}, kBadRecord.number},
      {"a part that is no block", {{OpKind::zero, before}, shifted, block(), added()}, kWrongSource.number},
      {"a part of another size", {{OpKind::zero, before}, swollen, block(), added()}, kWrongSource.number},
      {"something carried", {{OpKind::carry, 5}, {OpKind::zero, kFrameBytes - 5}}, kBadRecord.number},
  };
  for (const auto& one : cases) EXPECT_EQ(error(record(0, one.ops)), one.error) << one.name;
}

TEST_F(BlockRecord, UnpackingHasALimit) {
  std::vector<Op> ops;
  // Two old blocks that do not stay both, read in turn, each time a byte.
  Bytes big(1 << 20);
  const Bytes packed = pack(big);
  old_ = packed;
  old_.insert(old_.end(), packed.begin(), packed.end());
  ops.push_back({OpKind::part, big.size(), 0, packed.size(), 0});
  ops.push_back({OpKind::part, big.size(), packed.size(), packed.size(), 0});
  for (unsigned i = 0; i < 400; ++i) ops.push_back({OpKind::copy, 1, old_.size() + (i % 2) * big.size()});
  ops.push_back({OpKind::zero, kFrameBytes - 400});
  EXPECT_EQ(error(record(0, ops)), kBadRecord.number);
  ops.erase(ops.begin() + 2, ops.end());
  ops.push_back({OpKind::copy, 9, old_.size()});
  ops.push_back({OpKind::zero, kFrameBytes - 9});
  EXPECT_EQ(error(record(0, ops)), 0);
}

TEST_F(BlockRecord, ABlockThatTheOldImageHasNoMoreIsAnError) {
  const Bytes one = first();
  old_[1005] ^= std::byte{1};
  const auto number = error(one);
  EXPECT_TRUE(number == kWrongSource.number || number == kBadRecord.number) << number;
}

TEST_F(BlockRecord, ImagesWithoutCompressorsHaveNoBlocks) {
  FrameBuilder plain;
  Bytes frame(kFrameBytes);
  const auto built = plain.build(first(), 0, source(), old_.size(), frame);
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().code.number, kBadRecord.number);
}

}  // namespace
}  // namespace aloft::delta
