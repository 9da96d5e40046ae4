#include "storage/device_name.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <map>

#include "base/file.hpp"
#include "crypto/test_pki.hpp"
#include "storage/errors.hpp"
#include "storage/file_device.hpp"
#include "storage/gpt.hpp"

namespace aloft::storage {
namespace {

namespace fs = std::filesystem;
using crypto::test::must;

TEST(DeviceName, HasSixForms) {
  for (const char* good : {"/dev/sda1", "partlabel:rootfs-a", "partuuid:0fc63daf-8483-4772-8e79-3d69d8477de4", "disk:/dev/mmcblk0#12",
                           "mtd:kernel-a", "ubi:rootfs-a", "ubi12:rootfs-a"})
    EXPECT_TRUE(is_device_name(good)) << good;
  for (const char* bad : {"", "sda1", "partlabel:", "partuuid:", "disk:/dev/sda", "disk:sda#1", "disk:/dev/sda#", "disk:/dev/sda#x",
                          "disk:/dev/sda#1234", "mtd:", "mtd3", "ubi:", "ubi0", "ubix:a", "ubi0_1"})
    EXPECT_FALSE(is_device_name(bad)) << bad;
}

class DeviceNameTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "aloft-names-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    tree_ = {folder_ / "sys", folder_ / "dev", folder_ / "mtd", folder_ / "ubi"};
    fs::create_directories(tree_.sysfs);
    fs::create_directories(tree_.dev);
    add("sda", "sda1", "1", "boot");
    add("sda", "sda2", "2", "rootfs-a");
    add("sda", "sda3", "3", "");
    add("sdb", "sdb1", "1", "twice");
    add("sdb", "sdb2", "2", "twice");
    must(replace_file(tree_.dev / "sda", ""));
    fs::resize_file(tree_.dev / "sda", 16 << 20);
    const auto disk = must(FileDevice::open(tree_.dev / "sda"));
    Guid id;
    id.fill(std::byte{0xAB});
    Gpt gpt = must(Gpt::create(*disk, id));
    must(gpt.set(1, {.type = id, .id = id, .first = 4096, .last = 5000, .name = "rootfs-a"}));
    id.fill(std::byte{0xCD});
    must(gpt.set(2, {.type = id, .id = id, .first = 6000, .last = 7000, .name = "unsaid"}));
    must(gpt.write(*disk));
  }
  void TearDown() override { fs::remove_all(folder_); }
  void add(const std::string& disk, const std::string& name, const std::string& number, const std::string& label) {
    const fs::path real = folder_ / "devices" / disk / name;
    fs::create_directories(real);
    must(replace_file(real / "uevent", "DEVNAME=" + name + "\nDEVTYPE=partition\nPARTN=" + number + "\nPARTNAME=" + label + "\n"));
    fs::create_symlink(real, tree_.sysfs / name);
  }
  // As the kernel shows a volume: the device "ubi0", and "ubi0_1".
  void add_volume(const std::string& entry, const std::string& name) {
    fs::create_directories(tree_.ubi / entry.substr(0, entry.find('_')));
    fs::create_directories(tree_.ubi / entry);
    const std::map<std::string, std::string> attributes{{"name", name},         {"type", "dynamic"}, {"usable_eb_size", "126976"},
                                                        {"reserved_ebs", "10"}, {"corrupted", "0"},  {"upd_marker", "0"}};
    for (const auto& [key, value] : attributes) must(replace_file(tree_.ubi / entry / key, value + "\n"));
  }
  fs::path folder_;
  DeviceTree tree_;
};

TEST_F(DeviceNameTest, EachFormFindsItsPartition) {
  EXPECT_EQ(must(find_device("partlabel:rootfs-a", tree_)), tree_.dev / "sda2");
  EXPECT_EQ(must(find_device("partuuid:ABABABAB-ABAB-ABAB-ABAB-ABABABABABAB", tree_)), tree_.dev / "sda2");
  EXPECT_EQ(must(find_device("disk:" + (tree_.dev / "sda").string() + "#1", tree_)), tree_.dev / "sda1");
  EXPECT_EQ(must(find_device("partlabel:unsaid", tree_)), tree_.dev / "sda3") << "the kernel does not say this one's name";
  EXPECT_EQ(must(find_device("/dev/x", tree_)), "/dev/x");
}

TEST_F(DeviceNameTest, FlashIsFoundByItsNames) {
  for (const auto& [entry, name] : {std::pair("mtd0", "u-boot"), {"mtd0ro", "u-boot"}, {"mtd1", "kernel-a"}, {"mtd2", "kernel-a"}}) {
    fs::create_directories(tree_.mtd / entry);
    must(replace_file(tree_.mtd / entry / "name", std::string(name) + "\n"));
  }
  EXPECT_EQ(must(find_device("mtd:u-boot", tree_)), tree_.dev / "mtd0");
  EXPECT_EQ(find_device("mtd:kernel-a", tree_).error().code.number, kNoPartition.number) << "twice";
  add_volume("ubi0_0", "rootfs-a");
  add_volume("ubi0_12", "rootfs-b");
  add_volume("ubi1_0", "rootfs-b");
  EXPECT_EQ(must(find_device("ubi:rootfs-a", tree_)), tree_.dev / "ubi0_0");
  EXPECT_EQ(must(find_device("ubi0:rootfs-b", tree_)), tree_.dev / "ubi0_12");
  EXPECT_EQ(find_device("ubi:rootfs-b", tree_).error().code.number, kNoPartition.number) << "on two devices";
  EXPECT_EQ(find_device("ubi1:rootfs-a", tree_).error().code.number, kNoPartition.number);
}

TEST(Uevent, IsLinesOfKeysAndValues) {
  const std::map<std::string, std::string> wanted{{"DEVTYPE", "partition"}, {"PARTN", "3"}, {"PARTNAME", "a=b c"}};
  EXPECT_EQ(parse_uevent("DEVTYPE=partition\n\nno line\nPARTN=2\nPARTN=3\nPARTNAME=a=b c"), wanted);
  EXPECT_TRUE(parse_uevent("").empty());
}

TEST_F(DeviceNameTest, APartitionWithoutItsNumberHasNoEntryInTheTable) {
  for (const char* number : {"", "x", "-1", "99999999999999999999"}) {
    must(replace_file(folder_ / "devices/sda/sda3/uevent", "PARTN=" + std::string(number) + "\nPARTNAME=\n"));
    EXPECT_EQ(find_device("partlabel:unsaid", tree_).error().code.number, kNoPartition.number) << number;
  }
}

TEST_F(DeviceNameTest, WhatIsNotThereOrTwiceIsAnError) {
  EXPECT_EQ(find_device("partlabel:none", tree_).error().code.number, kNoPartition.number);
  const auto twice = find_device("partlabel:twice", tree_);
  ASSERT_FALSE(twice);
  EXPECT_NE(twice.error().message.find("a name of its own"), std::string::npos);
}

TEST(BlockDeviceOver, IsThatOfTheFlash) {
  EXPECT_EQ(block_device_over("/dev/ubi0_12"), "/dev/ubiblock0_12");
  EXPECT_EQ(block_device_over("/dev/mtd3"), "/dev/mtdblock3");
  for (const char* same : {"/dev/sda1", "/dev/mtdblock3", "/dev/ubiblock0_1", "/dev/ubi", ""}) EXPECT_EQ(block_device_over(same), same);
}

}  // namespace
}  // namespace aloft::storage
