#include "storage/flash_slot.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/errors.hpp"
#include "base/file.hpp"
#include "crypto/test_pki.hpp"
#include "storage/errors.hpp"
#include "storage/slot.hpp"

namespace aloft::storage {
namespace {

namespace fs = std::filesystem;
using crypto::test::must;

class FlashSlotTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "aloft-flash-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    tree_ = {.ubi = folder_ / "ubi", .mounts = folder_ / "mounts"};
    fs::create_directories(tree_.ubi / "ubi0");
    must(replace_file(tree_.ubi / "ubi0/mtd_num", "4\n"));
    must(replace_file(tree_.mounts, "/dev/root / ext4 ro 0 0\nmtd2 /data jffs2 rw 0 0\n/dev/mtdblock3 /ro squashfs ro 0 0\n"));
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_;
  FlashTree tree_;
};

TEST_F(FlashSlotTest, FlashThatIsInUseIsNotWritten) {
  for (const char* busy : {"/dev/mtd2", "/dev/mtd3", "/dev/mtd4"}) {
    const auto result = check_mtd_unused(busy, tree_);
    ASSERT_FALSE(result) << busy;
    EXPECT_EQ(result.error().code.number, kDeviceBusy.number);
  }
  for (const char* unused : {"/dev/mtd1", "/dev/mtd40", "/dev/mtd20"}) EXPECT_TRUE(check_mtd_unused(unused, tree_)) << unused;
}

TEST_F(FlashSlotTest, WhatIsNoFlashIsSaid) {
  must(replace_file(folder_ / "mtd0", "a file"));
  EXPECT_EQ(mtd_space(folder_ / "mtd0").error().code.number, kBadArgument.number);
  EXPECT_EQ(slot_size_bytes({.device = (folder_ / "mtd0").string(), .type = "mtd"}).error().code.number, kBadArgument.number);
  EXPECT_EQ(slot_size_bytes({.device = (folder_ / "mtd0").string(), .type = "ubi"}).error().code.number, kUbi.number);
  EXPECT_EQ(ubi_slot_volume("/dev/ubi77_0").error().code.number, kUbi.number);
}

TEST(FlashSlotTable, TakesWhatFits) {
  EXPECT_EQ(image_types_of("mtd"), std::vector<std::string>{"raw"});
  EXPECT_EQ(image_types_of("ubi"), (std::vector<std::string>{"raw", "ubifs"}));
  EXPECT_EQ(image_types_of("ubi-pair"), std::vector<std::string>{"raw"});
  EXPECT_TRUE(is_streamed("raw", "mtd"));
  EXPECT_FALSE(is_streamed("raw", "raw"));
  EXPECT_FALSE(is_streamed("tar", "mtd"));
  EXPECT_TRUE(waits_for_commit("ubi-pair") && must_commit("ubi-pair") && commits_together("ubi-pair"));
  EXPECT_FALSE(waits_for_commit("ubi") || commits_together("boot-emmc"));
  EXPECT_EQ(open_slot({.device = "/dev/x", .type = "mtd"}, "ubifs").error().code.number, kNoRow.number);
}

}  // namespace
}  // namespace aloft::storage
