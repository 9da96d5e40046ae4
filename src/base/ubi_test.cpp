#include "base/ubi.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <map>

#include "base/errors.hpp"
#include "base/file.hpp"

namespace aloft {
namespace {

namespace fs = std::filesystem;

TEST(UbiName, HasThreeForms) {
  EXPECT_EQ(parse_ubi_name("ubi:rootfs")->name, "rootfs");
  EXPECT_FALSE(parse_ubi_name("ubi:rootfs")->device);
  EXPECT_EQ(parse_ubi_name("ubi3:rootfs:a")->name, "rootfs:a");
  EXPECT_EQ(parse_ubi_name("ubi3:rootfs")->device, 3);
  EXPECT_EQ(parse_ubi_name("/dev/ubi0:env")->name, "env");
  const auto by_number = parse_ubi_name("/dev/ubi1_12");
  EXPECT_TRUE(by_number && by_number->device == 1 && by_number->volume == 12);
  for (const std::string bad : {"", "ubi", "ubi0", "ubi:", "ubi0_1", "ubix:a", "ubi-1:a", "/dev/ubi_1", "/dev/ubi:a", "/dev/ubi0_",
                                "/dev/ubi0_1x", "/dev/ubiblock0_1", "rootfs"})
    EXPECT_FALSE(parse_ubi_name(bad)) << bad;
  EXPECT_FALSE(parse_ubi_name("ubi:" + std::string(128, 'x')));
}

class UbiSysfs : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "aloft-ubi-XXXXXX").string();
    tree_.sysfs = ::mkdtemp(pattern.data());
    fs::create_directories(tree_.sysfs / "ubi0");
    fs::create_directories(tree_.sysfs / "ubi10");
    add("ubi0_0", {{"name", "rootfs-a"}});
    add("ubi0_10", {{"name", "loader"}, {"type", "static"}, {"corrupted", "1"}});
    add("ubi0_2", {{"name", "rootfs-b"}, {"upd_marker", "1"}});
    add("ubi10_0", {{"name", "rootfs-a"}});
  }
  void TearDown() override { fs::remove_all(tree_.sysfs); }
  void add(const std::string& entry, const std::map<std::string, std::string>& given) {
    std::map<std::string, std::string> attributes{
        {"type", "dynamic"}, {"usable_eb_size", "126976"}, {"reserved_ebs", "10"}, {"corrupted", "0"}, {"upd_marker", "0"}};
    for (const auto& [key, value] : given) attributes[key] = value;
    fs::create_directories(tree_.sysfs / entry);
    for (const auto& [key, value] : attributes) ASSERT_TRUE(replace_file(tree_.sysfs / entry / key, value + "\n"));
  }
  UbiTree tree_;
};

TEST_F(UbiSysfs, VolumesAreReadAsTheKernelShowsThem) {
  const auto volumes = KernelUbi(0, tree_).volumes();
  ASSERT_TRUE(volumes) << volumes.error().text();
  ASSERT_EQ(volumes->size(), 3U);
  EXPECT_EQ(volumes->at(0).name, "rootfs-a");
  EXPECT_EQ(volumes->at(0).capacity_bytes, 1269760U);
  EXPECT_FALSE(volumes->at(0).is_damaged);
  EXPECT_TRUE(volumes->at(1).is_damaged) << "its update did not end";
  EXPECT_EQ(volumes->at(2).id, 10);
  EXPECT_EQ(volumes->at(2).kind, UbiKind::fixed);
  EXPECT_TRUE(volumes->at(2).is_damaged);
}

TEST_F(UbiSysfs, NamesAreLookedForOnEveryDeviceOrOnOne) {
  EXPECT_EQ(find_ubi_volumes(*parse_ubi_name("ubi:rootfs-a"), tree_)->size(), 2U);
  const auto one = find_ubi_volumes(*parse_ubi_name("ubi10:rootfs-a"), tree_);
  ASSERT_TRUE(one && one->size() == 1);
  EXPECT_EQ(one->front().device, 10);
  EXPECT_EQ(find_ubi_volumes(*parse_ubi_name("/dev/ubi0_2"), tree_)->front().volume.name, "rootfs-b");
  EXPECT_TRUE(find_ubi_volumes(*parse_ubi_name("ubi:none"), tree_)->empty());
}

TEST_F(UbiSysfs, DamagedAttributesAreAnError) {
  add("ubi0_0", {{"name", "rootfs-a"}, {"reserved_ebs", "many"}});
  EXPECT_EQ(KernelUbi(0, tree_).volumes().error().code.number, kBadEncoding.number);
}

}  // namespace
}  // namespace aloft
