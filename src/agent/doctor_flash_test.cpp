#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/doctor.hpp"
#include "agent/test_doctor.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;
using test::SoundDevice;

// The sound device, with kernels on raw flash, an app in UBI volumes, and a boot loader in a pair of them.
class FlashDevice : public ::testing::Test {
 protected:
  FlashDevice() {
    std::string more;
    for (const std::string group : {"A", "B"}) {
      more += "[group." + group + ".kernel]\ntype = \"mtd\"\ndevice = \"mtd:kernel-" + group + "\"\n";
      more += "[group." + group + ".app]\ntype = \"ubi\"\ndevice = \"ubi:app-" + group + "\"\n";
    }
    device_.edit("system.toml", "[health]", more + "[shared.loader]\ntype = \"ubi-pair\"\ndevice = \"ubi0:loader\"\n[health]");
    chip("mtd0", "kernel-A", 1);
    chip("mtd1", "kernel-B", 0);
    set("ubi", "ubi0",
        {{"ro_mode", "0"}, {"reserved_for_bad", "20"}, {"bad_peb_count", "3"}, {"avail_eraseblocks", "40"}, {"eraseblock_size", "126976"}});
    volume("ubi0_0", "app-A", {});
    volume("ubi0_1", "app-B", {});
    volume("ubi0_2", "loader", {{"type", "static"}});
    for (const char* name : {"mtd0", "mtd1", "ubi0_0", "ubi0_1", "ubi0_2"}) device_.write(std::string("dev/") + name, "");
  }
  using Attributes = std::map<std::string, std::string>;
  void set(const std::string& kind, const std::string& entry, const Attributes& attributes) {
    for (const auto& [name, value] : attributes) device_.write("sys/class/" + kind + "/" + entry + "/" + name, value + "\n");
  }
  void chip(const std::string& entry, const std::string& name, unsigned bad) {
    set("mtd", entry, {{"name", name}, {"size", "13107200"}, {"erasesize", "131072"}, {"bad_blocks", std::to_string(bad)}});
  }
  void volume(const std::string& entry, const std::string& name, const Attributes& other) {
    Attributes all{{"name", name},         {"type", "dynamic"}, {"usable_eb_size", "126976"},
                   {"reserved_ebs", "30"}, {"corrupted", "0"},  {"upd_marker", "0"}};
    for (const auto& [key, value] : other) all[key] = value;
    set("ubi", entry, all);
  }
  std::vector<std::string> complaints() {
    std::vector<std::string> names;
    for (const Finding& finding : device_.examined())
      if (finding.verdict != Verdict::good) names.push_back(std::string(finding.name) + ": " + finding.what);
    return names;
  }
  void expect_only(const std::string& name) {
    const auto all = complaints();
    EXPECT_THAT(all, ::testing::ElementsAre(::testing::StartsWith(name + ": ")));
  }
  SoundDevice device_;
};

TEST_F(FlashDevice, IsSoundAndSaysHowWornItIs) {
  EXPECT_THAT(complaints(), ::testing::IsEmpty());
  std::vector<std::string> told;
  for (const Finding& finding : device_.examined()) told.push_back(finding.what);
  EXPECT_THAT(told, ::testing::Contains("slot A.kernel: 1 of 100 blocks are bad"));
  EXPECT_THAT(told, ::testing::Contains("UBI device ubi0: 20 spare blocks, 3 bad"));
  EXPECT_THAT(told, ::testing::Contains("slots of class kernel: A 12 MiB, B 12 MiB"));
}

TEST_F(FlashDevice, LacksAPartition) {
  fs::remove_all(device_.at("sys/class/mtd/mtd1"));
  expect_only("slot-missing");
}

TEST_F(FlashDevice, LacksAVolume) {
  fs::remove_all(device_.at("sys/class/ubi/ubi0_1"));
  expect_only("slot-missing");
}

TEST_F(FlashDevice, HasVolumesOfTwoSizes) {
  volume("ubi0_1", "app-B", {{"reserved_ebs", "20"}});
  expect_only("slot-sizes");
}

TEST_F(FlashDevice, HasTooManyBadBlocks) {
  chip("mtd1", "kernel-B", 3);
  expect_only("slot-bad-blocks");
}

TEST_F(FlashDevice, HasAnotherGroupsVolumeMounted) {
  device_.add("proc/self/mountinfo", "23 21 0:40 / /mnt rw - ubifs ubi0:app-B rw");
  expect_only("slot-mounted");
}

TEST_F(FlashDevice, RunsFromADamagedVolume) {
  volume("ubi0_0", "app-A", {{"corrupted", "1"}});
  expect_only("slot-damaged");
}

TEST_F(FlashDevice, MayHaveAHalfWrittenVolumeThatDoesNotRun) {
  volume("ubi0_1", "app-B", {{"upd_marker", "1"}});
  EXPECT_THAT(complaints(), ::testing::IsEmpty());
}

TEST_F(FlashDevice, HasNoRoomForASecondVolume) {
  set("ubi", "ubi0", {{"avail_eraseblocks", "29"}});
  expect_only("ubi-no-room");
  volume("ubi0_3", "loader.next", {{"type", "static"}});
  EXPECT_THAT(complaints(), ::testing::IsEmpty()) << "it is there already";
}

TEST_F(FlashDevice, HasNoSpareBlocks) {
  set("ubi", "ubi0", {{"reserved_for_bad", "0"}});
  expect_only("ubi-spare-blocks");
}

TEST_F(FlashDevice, HasGoneReadOnly) {
  set("ubi", "ubi0", {{"ro_mode", "1"}});
  expect_only("ubi-read-only");
}

}  // namespace
}  // namespace aloft::agent
