#include "agent/reuse_frames.hpp"

#include <gtest/gtest.h>

#include "bundle/container.hpp"
#include "bundle/errors.hpp"
#include "bundle/test_bundle.hpp"
#include "crypto/sha256.hpp"
#include "delta/packed.hpp"
#include "delta/view_source.hpp"

namespace aloft::agent {
namespace {

using bundle::kMinFrameBytes;
using crypto::test::must;

// Remembers what was read of it.
class File final : public ByteSource {
 public:
  explicit File(ByteView bytes) : bytes_(bytes) {}
  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView buffer) override {
    if (broken) return fail(kGone, "gone");
    reads.push_back({offset, offset + buffer.size()});
    return bytes_.read_at(offset, buffer);
  }
  bool any_order() const override { return true; }
  std::vector<ByteRun> reads;
  bool broken = false;

 private:
  static constexpr ErrorCode kGone{1, ErrorKind::retry, "gone"};
  delta::ViewSource bytes_;
};

// As the confined program does it.
Result<> fill(MutableByteView content, std::span<const delta::Gap> gaps) {
  delta::Unpacker unpacker;
  for (const delta::Gap& gap : gaps)
    TRY(unpacker.unpack_behind(ByteView(content).first(gap.offset), gap.packed, content.subspan(gap.offset, gap.size_bytes)));
  return {};
}

// Six frames: moved, zeros, changed, partly zeros, changed, a short one.
class ReuseFramesTest : public ::testing::Test {
 protected:
  ReuseFramesTest() : old_(bundle::test::test_content(8 * kMinFrameBytes, 5)) {
    new_.resize(5 * kMinFrameBytes + 3 * kBlock);
    const auto put = [this](std::size_t to_block, std::size_t from_block, std::size_t count) {
      std::copy_n(old_.begin() + static_cast<std::ptrdiff_t>(from_block * kBlock), count * kBlock,
                  new_.begin() + static_cast<std::ptrdiff_t>(to_block * kBlock));
    };
    put(0, 37, 16);  // across frames of the old image
    put(32, 0, 15);  // its last block is new
    new_[47 * kBlock] = std::byte{1};
    put(48, 100, 4);  // then zeros
    put(64, 20, 16);
    new_[70 * kBlock + 5] ^= std::byte{1};
    put(80, 3, 3);
    pack(bundle::Encoding::zstd);
  }
  void pack(bundle::Encoding encoding) {
    const auto built =
        bundle::test::build({{.name = "rootfs", .content = new_, .encoding = encoding, .blocks = bundle::BlockNames::include}});
    file_ = bundle::encode_preamble(bundle::serialize_manifest(built.manifest), {});
    file_.insert(file_.end(), built.payload.begin(), built.payload.end());
    source_ = std::make_unique<File>(file_);
    reader_.emplace(must(bundle::Reader::open_unverified(*source_)));
  }
  const bundle::Image& image() { return reader_->manifest().images.front(); }
  std::unique_ptr<ReuseFrames> frames(ByteView slot) {
    delta::ViewSource named(old_);
    BlockIndex index;
    index.add(0, must(name_blocks(named, [] { return false; })));
    index.seal();
    std::vector<std::unique_ptr<ByteSource>> slots;
    slots.push_back(std::make_unique<delta::ViewSource>(slot));
    auto table = must(fetch_blocks(*reader_, 0, *source_));
    source_->reads.clear();
    return std::make_unique<ReuseFrames>(*reader_, 0, *source_, std::move(table), std::move(index), std::move(slots), fill);
  }
  bool comes_out_right(ReuseFrames& frames, std::uint64_t frame) {
    Bytes content(image().frame_content_bytes(frame));
    const bool right = must(frames.make(frame, content)) && crypto::sha256(content) == image().frames[frame];
    frames.checked(right);
    return right;
  }
  std::uint64_t bytes_read() const {
    std::uint64_t sum = 0;
    for (const ByteRun& read : source_->reads) sum += read.end - read.begin;
    return sum;
  }
  const Bytes old_;
  Bytes new_;
  Bytes file_;
  std::unique_ptr<File> source_;
  std::optional<bundle::Reader> reader_;
};

TEST_F(ReuseFramesTest, MakesFramesFromBlocksThatHaveMovedAndFetchesTheOthers) {
  for (const auto encoding : {bundle::Encoding::zstd, bundle::Encoding::none}) {
    pack(encoding);
    const auto made = frames(old_);
    EXPECT_EQ(made->missing_runs(0).size(), 2U);
    for (const std::uint64_t frame : {0U, 1U, 3U, 5U}) EXPECT_TRUE(comes_out_right(*made, frame)) << frame;
    EXPECT_TRUE(source_->reads.empty());
    for (const std::uint64_t frame : {2U, 4U}) EXPECT_TRUE(comes_out_right(*made, frame)) << frame;
    EXPECT_EQ(bytes_read(), made->missing_bytes());
    EXPECT_LT(made->missing_bytes(), (image().stored[2].size_bytes + image().stored[4].size_bytes) / 7) << "of each one block of sixteen";
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(source_->reads[i].begin, made->missing_runs(0)[i].begin);
      EXPECT_EQ(source_->reads[i].end, made->missing_runs(0)[i].end);
    }
    EXPECT_EQ(made->missing_runs(3).size(), 1U);
    EXPECT_TRUE(made->missing_runs(5).empty());
  }
}

TEST_F(ReuseFramesTest, FindsWhatHasMovedByLessThanABlock) {
  std::ranges::copy(ByteView(old_).subspan(9'001, 16 * kBlock), new_.begin() + 4 * kMinFrameBytes);
  pack(bundle::Encoding::zstd);
  const auto made = frames(old_);
  EXPECT_EQ(made->missing_runs(0).size(), 2U);
  const std::uint64_t before = made->missing_bytes();
  ASSERT_TRUE(made->find_shifted([] { return false; }));
  EXPECT_EQ(made->missing_runs(0).size(), 1U);
  EXPECT_LT(made->missing_bytes(), before / 10);
  EXPECT_TRUE(comes_out_right(*made, 4));
  EXPECT_TRUE(source_->reads.empty());
  EXPECT_FALSE(frames(old_)->find_shifted([] { return true; }));
}

TEST_F(ReuseFramesTest, ABlockThatIsNotWhatWasPackedCostsAFrame) {
  const auto made = frames(old_);
  for (const ByteRun& run : made->missing_runs(0)) file_[run.begin + 11] ^= std::byte{1};  // nothing of it is signed by itself
  EXPECT_FALSE(comes_out_right(*made, 2));
  EXPECT_TRUE(comes_out_right(*made, 3));
  EXPECT_FALSE(comes_out_right(*made, 4));
}

TEST_F(ReuseFramesTest, AfterABlockThatCannotBeUnpackedNoOtherIsFetched) {
  const auto made = frames(old_);
  file_[made->missing_runs(0).front().begin] ^= std::byte{1};  // what tells a zstd frame
  EXPECT_FALSE(comes_out_right(*made, 2));
  const std::size_t reads = source_->reads.size();
  EXPECT_FALSE(comes_out_right(*made, 4));
  EXPECT_TRUE(comes_out_right(*made, 5));
  EXPECT_EQ(source_->reads.size(), reads);
}

TEST_F(ReuseFramesTest, AnErrorOfTheFileIsOne) {
  const auto made = frames(old_);
  source_->broken = true;
  Bytes content(kMinFrameBytes);
  EXPECT_FALSE(made->make(2, content));
  EXPECT_TRUE(made->make(3, content));
}

TEST_F(ReuseFramesTest, ASectionThatIsNotTheManifestsIsRefused) {
  file_.back() ^= std::byte{1};
  EXPECT_EQ(fetch_blocks(*reader_, 0, *source_).error().code.number, bundle::kBlocksDigest.number);
  file_.pop_back();
  source_ = std::make_unique<File>(file_);
  EXPECT_EQ(fetch_blocks(*reader_, 0, *source_).error().code.number, bundle::kTruncated.number);
}

TEST_F(ReuseFramesTest, ASlotThatHasChangedIsNotTrusted) {
  Bytes changed = old_;
  changed[40 * kBlock] ^= std::byte{1};
  const auto made = frames(changed);
  EXPECT_FALSE(comes_out_right(*made, 0));
  EXPECT_TRUE(comes_out_right(*made, 3));
  const auto shorter = frames(ByteView(changed).first(50 * kBlock));
  Bytes content(kMinFrameBytes);
  EXPECT_FALSE(*shorter->make(3, content)) << "what it has of that frame lies behind its end";
}

TEST_F(ReuseFramesTest, GivesUpAfterManyWrongFrames) {
  const Bytes emptied(old_.size());
  const auto made = frames(emptied);
  for (int i = 0; i < 8; ++i) EXPECT_FALSE(comes_out_right(*made, 0));
  Bytes content(kMinFrameBytes);
  EXPECT_FALSE(*made->make(0, content));
}

}  // namespace
}  // namespace aloft::agent
