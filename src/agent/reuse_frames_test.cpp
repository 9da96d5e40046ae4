#include "agent/reuse_frames.hpp"

#include <gtest/gtest.h>

#include "bundle/container.hpp"
#include "bundle/test_bundle.hpp"
#include "crypto/sha256.hpp"
#include "delta/view_source.hpp"

namespace aloft::agent {
namespace {

using bundle::kMinFrameBytes;
using crypto::test::must;
constexpr std::size_t kBlock = 4096;

// Six frames: moved, zeros, changed, partly zeros, changed, a short one.
class Reuse : public ::testing::Test {
 protected:
  Reuse() : old_(bundle::test::test_content(8 * kMinFrameBytes, 5)) {
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
    const auto built = bundle::test::build({{.name = "rootfs", .content = new_, .blocks = bundle::BlockDigests::include}});
    file_ = bundle::encode_preamble(bundle::serialize_manifest(built.manifest), {});
    file_.insert(file_.end(), built.payload.begin(), built.payload.end());
    source_ = std::make_unique<delta::ViewSource>(file_);
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
    return std::make_unique<ReuseFrames>(image(), must(fetch_block_names(*reader_, 0, *source_)), std::move(index), std::move(slots));
  }
  bool comes_out_right(ReuseFrames& frames, std::uint64_t frame) {
    Bytes content(image().frame_content_bytes(frame));
    const bool right = must(frames.make(frame, content)) && crypto::sha256(content) == image().frames[frame];
    frames.checked(right);
    return right;
  }
  const Bytes old_;
  Bytes new_;
  Bytes file_;
  std::unique_ptr<ByteSource> source_;
  std::optional<bundle::Reader> reader_;
};

TEST_F(Reuse, MakesFramesFromBlocksThatHaveMoved) {
  const auto made = frames(old_);
  EXPECT_EQ(made->missing_bytes(), image().stored[2].size_bytes + image().stored[4].size_bytes);
  for (const std::uint64_t frame : {0U, 1U, 3U, 5U}) EXPECT_TRUE(comes_out_right(*made, frame)) << frame;
  Bytes content(kMinFrameBytes);
  EXPECT_FALSE(*made->make(2, content));
  EXPECT_FALSE(*made->make(4, content));
  using Runs = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  EXPECT_EQ(made->missing_runs(0), (Runs{{2, 3}, {4, 5}}));
  EXPECT_EQ(made->missing_runs(3), (Runs{{4, 5}}));
  EXPECT_EQ(made->missing_runs(5), Runs{});
}

TEST_F(Reuse, ASlotThatHasChangedIsNotTrusted) {
  Bytes changed = old_;
  changed[40 * kBlock] ^= std::byte{1};
  const auto made = frames(changed);
  EXPECT_FALSE(comes_out_right(*made, 0));
  EXPECT_TRUE(comes_out_right(*made, 3));
  const auto shorter = frames(ByteView(changed).first(50 * kBlock));
  Bytes content(kMinFrameBytes);
  EXPECT_FALSE(*shorter->make(3, content)) << "what it has of that frame lies behind its end";
}

TEST_F(Reuse, GivesUpAfterManyWrongFrames) {
  const Bytes emptied(old_.size());
  const auto made = frames(emptied);
  for (int i = 0; i < 8; ++i) EXPECT_FALSE(comes_out_right(*made, 0));
  Bytes content(kMinFrameBytes);
  EXPECT_FALSE(*made->make(0, content));
}

TEST_F(Reuse, DigestsOfZeroFramesAreNotFetched) {
  EXPECT_EQ(block_names_bytes(image()), (4 * 16 + 3) * 32U);
  const auto names = must(fetch_block_names(*reader_, 0, *source_));
  EXPECT_EQ(names.size(), 83U);
  EXPECT_EQ(names[16], zero_block_name());
  EXPECT_EQ(names[0], block_name(crypto::sha256(ByteView(new_).first(kBlock))));
}

}  // namespace
}  // namespace aloft::agent
