#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/test_pki.hpp"
#include "delta/errors.hpp"
#include "delta/frame_builder.hpp"
#include "delta/gzip_sample.hpp"
#include "delta/piece_coding.hpp"
#include "delta/test_record.hpp"
#include "delta/view_source.hpp"

namespace aloft::delta {
namespace {

using crypto::test::must;
using test::kFrameBytes;

// A frame that begins with the deflate stream of 60,000 letters; the old image has the letters as they are.
class PieceRecord : public ::testing::Test {
 protected:
  PieceRecord() : old_(test::gzip_sample()) {
    old_.resize(60'000);
    packed_.resize(kFrameBytes);
    packed_.resize(GzipDeflate(6).encode({.content = old_, .state = {}, .last = true}, packed_));
    whole_ = {OpKind::piece, old_.size(), 0, packed_.size(), 0};
    whole_.piece.last = true;
  }

  static std::vector<BlockCoding> codings() {
    return {{.compressor = Compressor::gzip, .version = kGzipModelVersion, .level = 6},
            {.compressor = Compressor::gzip},
            {.compressor = Compressor::zlib},
            {.compressor = Compressor::lz4_fixed, .version = library_version(Compressor::lz4_fixed), .level = 9}};
  }

  std::uint16_t error_of(const std::vector<Op>& ops) {
    const Bytes record = test::plain(encode_body(0, old_.size(), ops, {}, {}));
    ViewSource source(old_);
    FrameBuilder builder(codings());
    made_.resize(kFrameBytes);
    const auto built = builder.build(record, 0, source, old_.size(), made_);
    return built ? std::uint16_t{0} : built.error().code.number;
  }

  std::vector<Op> with(const Op& piece) const {
    return {piece, {OpKind::copy, piece.size_bytes, 0}, {OpKind::zero, kFrameBytes - std::min(kFrameBytes - 1, piece.packed_bytes)}};
  }

  Bytes old_;
  Bytes packed_;
  Bytes made_;
  Op whole_{};
};

TEST_F(PieceRecord, AStreamIsMadeOfItsContent) {
  EXPECT_EQ(error_of(with(whole_)), 0);
  EXPECT_TRUE(std::ranges::equal(ByteView(made_).first(packed_.size()), packed_));
}

TEST_F(PieceRecord, StatesThatNoneCanHaveAreRefused) {
  const struct {
    const char* name;
    void (*change)(Op&);
  } cases[] = {
      {"no open bits", [](Op& op) { op.piece.state.bits = 0; }},
      {"too many open bits", [](Op& op) { op.piece.state.bits = 0x300; }},
      {"a match of one byte", [](Op& op) { op.piece.state.match_bytes = 1; }},
      {"a match that is too long", [](Op& op) { op.piece.state = {.match_bytes = 259, .distance = 1}; }},
      {"a byte that waits, and none before", [](Op& op) { op.piece.state.match_bytes = 2; }},
      {"a match before the history",
       [](Op& op) {
         op.piece.primed_bytes = 100;
         op.piece.state = {.match_bytes = 3, .distance = 100};
       }},
      {"a match at no distance",
       [](Op& op) {
         op.piece.primed_bytes = 100;
         op.piece.state = {.match_bytes = 3, .distance = 0};
       }},
      {"a match too far",
       [](Op& op) {
         op.piece.primed_bytes = 50'000;
         op.piece.state = {.match_bytes = 3, .distance = 32'769};
       }},
      {"too much ahead", [](Op& op) { op.piece.ahead_bytes = kMaxAheadBytes + 1; }},
      {"too much history", [](Op& op) { op.piece.primed_bytes = kMaxHistoryBytes + 1; }},
      {"nothing but history", [](Op& op) { op.piece.primed_bytes = op.size_bytes; }},
      {"more bytes than come out", [](Op& op) { op.packed_bytes += 1; }},
      {"no content", [](Op& op) { op.size_bytes = 0; }},
      {"more content than a block may have", [](Op& op) { op.size_bytes = kMaxBlockBytes + 1; }},
      {"the old image's compressor", [](Op& op) { op.coding = 1; }},
      {"a compressor of blocks", [](Op& op) { op.coding = 2; }},
      {"a compressor that there is not", [](Op& op) { op.coding = 4; }},
  };
  for (const auto& one : cases) {
    Op piece = whole_;
    one.change(piece);
    EXPECT_EQ(error_of(with(piece)), kBadRecord.number) << one.name;
  }
}

// As much of the letters as 4096 bytes hold, and 500 that are only looked at.
TEST_F(PieceRecord, ABlockOfAGivenSizeIsMadeOfItsContent) {
  Coders coders({codings()[3], {.compressor = Compressor::lz4_fixed}});
  Bytes packed(4096);
  ASSERT_TRUE(must(coders.piece_at(0))->encode({.content = old_}, packed));
  Bytes content(old_.size());
  content.resize(must(must(coders.at(1))->decode(packed, content)));
  EXPECT_TRUE(std::ranges::equal(content, ByteView(old_).first(content.size())));
  Op piece{OpKind::piece, content.size() + 500, 0, packed.size(), 3};
  piece.piece.ahead_bytes = 500;
  EXPECT_EQ(error_of(with(piece)), 0);
  EXPECT_TRUE(std::ranges::equal(ByteView(made_).first(packed.size()), packed));
  piece.piece.primed_bytes = 1;
  EXPECT_EQ(error_of(with(piece)), kBadRecord.number);
  piece.piece.primed_bytes = 0;
  piece.kind = OpKind::block;
  EXPECT_EQ(error_of(with(piece)), kBadRecord.number);
}

TEST_F(PieceRecord, AStreamsCompressorMakesNoBlocks) {
  Op block = whole_;
  block.kind = OpKind::block;
  EXPECT_EQ(error_of(with(block)), kBadRecord.number);
}

}  // namespace
}  // namespace aloft::delta
