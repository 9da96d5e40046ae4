#include "storage/flash_target.hpp"

#include <gtest/gtest.h>

#include "base/log.hpp"
#include "storage/errors.hpp"
#include "storage/sim_flash.hpp"
#include "storage/test_flash.hpp"

namespace aloft::storage {
namespace {

using crypto::test::must;

constexpr std::uint64_t kEraseBlock = 16384;
constexpr Flash::Geometry kNand{.size_bytes = 64 * kEraseBlock, .block_bytes = kEraseBlock, .page_bytes = 2048, .is_nand = true};
constexpr Flash::Geometry kNor{.size_bytes = 16 * kEraseBlock, .block_bytes = kEraseBlock, .page_bytes = 1, .is_nand = false};

class FlashTargetTest : public ::testing::Test {
 protected:
  FlashTargetTest() { log::set_level(log::Level::error); }
  FlashTarget target(Flash& flash) { return {std::make_unique<test::LentFlash>(flash), "/dev/mtd1"}; }
  Result<> write(Flash& flash, ByteView content) {
    FlashTarget one = target(flash);
    return test::stream(one, content);
  }
  // As a boot loader does: block after block, bad ones passed over.
  Bytes read(Flash& flash, std::size_t size) {
    Bytes content(size);
    must(must(FlashContent::open(flash)).read(0, content));
    return content;
  }
  std::uint32_t wrong(const Result<>& result) { return result ? 0 : result.error().code.number; }
  Power power_;
  const Bytes image_ = bundle::test::test_content(10 * kEraseBlock + 777, 1);
};

TEST_F(FlashTargetTest, AnImageIsReadBackAsItWas) {
  for (const Flash::Geometry& geometry : {kNand, kNor}) {
    SimFlash flash(power_, geometry);
    flash.fill(0, bundle::test::test_content(geometry.size_bytes, 2));
    must(write(flash, image_));
    EXPECT_EQ(read(flash, image_.size()), image_);
    Bytes rest(kEraseBlock);
    must(flash.read(12 * kEraseBlock, rest));
    EXPECT_EQ(rest, Bytes(kEraseBlock, std::byte{0xff})) << "what is left is erased";
  }
}

TEST_F(FlashTargetTest, BadBlocksArePassedOver) {
  SimFlash flash(power_, kNand);
  for (const std::uint64_t block : {0U, 1U, 5U}) flash.set_bad(block * kEraseBlock);
  must(write(flash, image_));
  EXPECT_EQ(read(flash, image_.size()), image_);
  EXPECT_EQ(flash.bad_blocks().size(), 3U);
}

TEST_F(FlashTargetTest, ABlockThatGoesBadIsMarkedAndTheNextOneTakesItsContent) {
  SimFlash flash(power_, kNand);
  flash.wear_out_program(3 * kEraseBlock);
  flash.wear_out_erase(7 * kEraseBlock);
  must(write(flash, image_));
  EXPECT_EQ(read(flash, image_.size()), image_);
  EXPECT_EQ(flash.bad_blocks(), (std::set<std::uint64_t>{3 * kEraseBlock, 7 * kEraseBlock}));
}

TEST_F(FlashTargetTest, ABlockBehindTheImageThatGoesBadIsMarked) {
  SimFlash flash(power_, kNand);
  flash.wear_out_erase(40 * kEraseBlock);
  must(write(flash, image_));
  EXPECT_EQ(flash.bad_blocks(), std::set<std::uint64_t>{40 * kEraseBlock});
}

TEST_F(FlashTargetTest, TooManyBadBlocksAreFoundBeforeAnythingIsErased) {
  SimFlash flash(power_, kNand);
  const Bytes before = bundle::test::test_content(kEraseBlock, 2);
  flash.fill(63 * kEraseBlock, before);
  for (std::uint64_t block = 0; block < 54; ++block) flash.set_bad(block * kEraseBlock);
  EXPECT_EQ(wrong(write(flash, image_)), kFlashFull.number);
  Bytes after(kEraseBlock);
  must(flash.read(63 * kEraseBlock, after));
  EXPECT_EQ(after, before);
}

TEST_F(FlashTargetTest, RoomThatRunsOutInTheMiddleIsAnError) {
  SimFlash flash(power_, kNand);
  for (std::uint64_t block = 0; block < 53; ++block) flash.set_bad(block * kEraseBlock);
  flash.wear_out_program(60 * kEraseBlock);
  EXPECT_EQ(wrong(write(flash, image_)), kFlashFull.number);
}

// A controller that refuses everything must not make a brick of the chip.
TEST_F(FlashTargetTest, NotAllOfAFailingChipIsMarkedBad) {
  SimFlash flash(power_, kNand);
  for (std::uint64_t block = 0; block < 64; ++block) flash.wear_out_erase(block * kEraseBlock);
  EXPECT_EQ(wrong(write(flash, image_)), kFlashFailing.number);
  EXPECT_EQ(flash.bad_blocks().size(), 2U);
}

TEST_F(FlashTargetTest, NorThatFailsIsAnErrorAtOnce) {
  SimFlash flash(power_, kNor);
  flash.wear_out_program(2 * kEraseBlock);
  EXPECT_EQ(wrong(write(flash, image_)), kFlashFailing.number);
}

TEST_F(FlashTargetTest, CorrectedBitsAreFineAndOthersAreNot) {
  SimFlash flash(power_, kNand);
  flash.set_ecc(2 * kEraseBlock, Flash::Ecc::corrected);
  must(write(flash, image_));
  flash.set_ecc(2 * kEraseBlock + 2048, Flash::Ecc::uncorrectable);
  EXPECT_EQ(wrong(write(flash, image_)), kFlashEcc.number);
}

// UBI and UBIFS write to pages that are erased; a page that was written with 0xff is not.
TEST_F(FlashTargetTest, PagesOfAllOnesStayErased) {
  SimFlash flash(power_, kNand);
  Bytes image = image_;
  std::fill_n(image.begin() + 2048, 4096, std::byte{0xff});
  must(write(flash, image));
  EXPECT_EQ(read(flash, image.size()), image);
  EXPECT_FALSE(flash.is_erased(0));
  EXPECT_TRUE(flash.is_erased(2048) && flash.is_erased(4096));
  EXPECT_FALSE(flash.is_erased(6144));
}

TEST_F(FlashTargetTest, WhatWasWrittenCanBeReadForItsTree) {
  SimFlash flash(power_, kNand);
  flash.set_bad(0);
  FlashTarget one = target(flash);
  must(test::stream(one, image_));
  Bytes part(5000);
  must(one.written()(kEraseBlock - 100, part));
  EXPECT_TRUE(std::equal(part.begin(), part.end(), image_.begin() + kEraseBlock - 100));
}

}  // namespace
}  // namespace aloft::storage
