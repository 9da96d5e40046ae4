#include "storage/ubi_target.hpp"

#include <gtest/gtest.h>

#include "base/errors.hpp"
#include "storage/errors.hpp"
#include "storage/sim_ubi.hpp"
#include "storage/test_flash.hpp"
#include "storage/ubi_pair.hpp"
#include "storage/ubifs.hpp"

namespace aloft::storage {
namespace {

using crypto::test::must;

constexpr std::uint64_t kLogicalBlock = 15872;

class UbiTargetTest : public ::testing::Test {
 protected:
  UbiTargetTest() : ubi_(power_, kLogicalBlock, 64) {
    ubi_.add("rootfs-a", 10 * kLogicalBlock, UbiKind::dynamic, old_);
    ubi_.add("rootfs-b", 10 * kLogicalBlock, UbiKind::dynamic, old_);
    ubi_.add("loader", 4 * kLogicalBlock, UbiKind::fixed, old_);
  }
  Result<> write(const std::string& name, ByteView content, UbiContent kind = UbiContent::any) {
    UbiTarget target(std::make_unique<test::LentUbi>(ubi_), name, kind);
    return test::stream(target, content, 65536);
  }
  bool holds(const std::string& name, ByteView content) {
    return must(ubi_holds(ubi_, must(ubi_volume(ubi_, name)), crypto::sha256(content), content.size()));
  }
  std::uint32_t wrong(const Result<>& result) { return result ? 0 : result.error().code.number; }
  Power power_;
  SimUbi ubi_;
  const Bytes old_ = bundle::test::test_content(50'000, 1);
  const Bytes new_ = bundle::test::test_content(60'001, 2);
};

TEST_F(UbiTargetTest, AVolumeOfEitherKindIsReplaced) {
  must(write("rootfs-b", new_));
  must(write("loader", new_));
  EXPECT_TRUE(holds("rootfs-b", new_));
  EXPECT_TRUE(holds("loader", new_));
  EXPECT_TRUE(holds("rootfs-a", old_));
}

TEST_F(UbiTargetTest, WhatDoesNotFitOrIsNotThereIsAnErrorBeforeAnythingChanges) {
  EXPECT_EQ(wrong(write("loader", bundle::test::test_content(4 * kLogicalBlock + 1))), kUbi.number);
  EXPECT_TRUE(holds("loader", old_));
  EXPECT_EQ(wrong(write("rootfs-c", new_)), kUbi.number);
  ubi_.set_in_use("rootfs-a");
  EXPECT_EQ(wrong(write("rootfs-a", new_)), kBusy.number);
  EXPECT_TRUE(holds("rootfs-a", old_));
}

TEST_F(UbiTargetTest, AnUpdateThatIsGivenUpLeavesNothingToRead) {
  UbiTarget target(std::make_unique<test::LentUbi>(ubi_), "rootfs-b", UbiContent::any);
  must(target.begin(test::image_of(new_)));
  must(target.append(ByteView(new_).first(1000)));
  target.abort();
  EXPECT_TRUE(must(ubi_volume(ubi_, "rootfs-b")).is_damaged);
  must(write("rootfs-b", new_));
  EXPECT_TRUE(holds("rootfs-b", new_));
}

TEST_F(UbiTargetTest, ContentThatDoesNotReadBackIsAnError) {
  UbiTarget target(std::make_unique<test::LentUbi>(ubi_), "rootfs-b", UbiContent::any);
  must(target.begin(test::image_of(new_)));
  must(target.append(new_));
  ubi_.damage("rootfs-b", 40'000);
  EXPECT_EQ(wrong(target.finish()), kReadBack.number);
}

// A superblock node as mkfs.ubifs writes it: common header, key hash and format, flags, unit, block, count; CRC over all but the first 8.
Bytes ubifs_image(std::uint32_t block_bytes) {
  Bytes image = bundle::test::test_content(100'000, 3);
  const MutableByteView node = MutableByteView(image).first(4096);
  std::ranges::fill(node, std::byte{0});
  store_le32(node, 0x06101831);
  store_le32(node.subspan(16), 4096);
  node[20] = std::byte{6};
  store_le32(node.subspan(32), 2048);
  store_le32(node.subspan(36), block_bytes);
  store_le32(node.subspan(40), 7);
  std::uint32_t crc = 0xffffffff;
  for (const std::byte one : node.subspan(8))
    for (unsigned bit = 0; bit < 8; ++bit)
      crc = (crc >> 1U) ^ ((((crc ^ (std::to_integer<std::uint32_t>(one) >> bit)) & 1U) != 0) ? 0xEDB88320U : 0U);
  store_le32(node.subspan(4), crc);
  return image;
}

TEST_F(UbiTargetTest, UbifsOfAnotherFlashIsRefusedAndTheOldContentStays) {
  must(write("rootfs-b", ubifs_image(kLogicalBlock), UbiContent::ubifs));
  EXPECT_EQ(wrong(write("rootfs-a", ubifs_image(2 * kLogicalBlock), UbiContent::ubifs)), kUbifsGeometry.number);
  EXPECT_EQ(wrong(write("rootfs-a", new_, UbiContent::ubifs)), kUbifsGeometry.number);
  Bytes damaged = ubifs_image(kLogicalBlock);
  damaged[100] ^= std::byte{1};
  EXPECT_EQ(wrong(write("rootfs-a", damaged, UbiContent::ubifs)), kUbifsGeometry.number);
  EXPECT_TRUE(holds("rootfs-a", old_));
}

class UbiPairTest : public UbiTargetTest {
 protected:
  Result<> install(const std::string& name, ByteView content) {
    const auto target = ubi_second_target(std::make_unique<test::LentUbi>(ubi_), name);
    return test::stream(*target, content, 65536);
  }
  static Waiting waiting(ByteView content) { return {crypto::sha256(content), content.size()}; }
};

TEST_F(UbiPairTest, ASecondVolumeIsMadeWrittenAndSwappedWithTheFirst) {
  must(install("loader", new_));
  EXPECT_TRUE(holds("loader", old_));
  const UbiVolume second = must(ubi_volume(ubi_, "loader.next"));
  EXPECT_EQ(second.kind, UbiKind::fixed);
  EXPECT_EQ(second.capacity_bytes, 4 * kLogicalBlock);
  const UbiSwitch wanted{"loader", waiting(new_)};
  must(switch_ubi(ubi_, {&wanted, 1}));
  EXPECT_TRUE(holds("loader", new_));
  EXPECT_TRUE(holds("loader.next", old_));
  must(switch_ubi(ubi_, {&wanted, 1}));
  EXPECT_EQ(ubi_.renames(), 1U) << "a second switch does nothing";
  must(install("loader", old_));
  EXPECT_EQ(must(ubi_.volumes()).size(), 4U) << "the second volume is used again";
}

TEST_F(UbiPairTest, SeveralAreSwitchedByOneRenameOrNotAtAll) {
  must(install("loader", new_));
  must(install("rootfs-a", new_));
  const std::vector<UbiSwitch> wrong_one{{"loader", waiting(new_)}, {"rootfs-a", waiting(Bytes(7))}};
  EXPECT_EQ(wrong(switch_ubi(ubi_, wrong_one)), kSwitchContent.number);
  EXPECT_TRUE(holds("loader", old_));
  const std::vector<UbiSwitch> both{{"loader", waiting(new_)}, {"rootfs-a", waiting(new_)}};
  must(switch_ubi(ubi_, both));
  EXPECT_TRUE(holds("loader", new_));
  EXPECT_TRUE(holds("rootfs-a", new_));
  EXPECT_EQ(ubi_.renames(), 1U);
}

TEST_F(UbiPairTest, ASecondVolumeThatIsTooSmallIsMadeAnew) {
  ubi_.add("loader.next", kLogicalBlock, UbiKind::fixed, old_);
  must(install("loader", new_));
  EXPECT_EQ(must(ubi_volume(ubi_, "loader.next")).capacity_bytes, 4 * kLogicalBlock);
}

TEST_F(UbiPairTest, NoRoomForASecondVolumeIsAnError) {
  ubi_.add("data", 38 * kLogicalBlock, UbiKind::dynamic, {});
  EXPECT_EQ(wrong(install("loader", new_)), kUbiFull.number);
  EXPECT_TRUE(holds("loader", old_));
}

}  // namespace
}  // namespace aloft::storage
