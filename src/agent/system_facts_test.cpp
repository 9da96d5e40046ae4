#include "agent/system_facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "agent/errors.hpp"
#include "agent/root_device.hpp"
#include "agent/test_folder.hpp"
#include "base/file.hpp"
#include "boot/fake.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

TEST(CommandLine, TheLastValueOfAKeyCounts) {
  EXPECT_EQ(command_line_value("BOOT_IMAGE=/vmlinuz root=LABEL=a ro aloft.slot=A quiet\n", "aloft.slot="), "A");
  EXPECT_EQ(command_line_value("aloft.slot=A aloft.slot=B", "aloft.slot="), "B");
  EXPECT_EQ(command_line_value("xaloft.slot=A", "aloft.slot="), "");
  EXPECT_EQ(command_line_value("", "aloft.slot="), "");
}

// A device whose boot loader may have a word of its own, with the slots of two groups as files.
class SystemFactsTest : public ::testing::Test {
 protected:
  struct Told final : boot::BootControl {
    boot::FakeControl fake{{"A", "B"}};
    std::optional<std::string> word;
    bool broken = false;
    unsigned max_tries() const override { return 9; }
    Result<boot::BootState> read() override { return fake.read(); }
    Result<std::optional<std::string>> booted() override {
      if (broken) return fail(kBootedGroup, "broken");
      return word;
    }
    Result<> arm(std::string_view slot, unsigned tries) override { return fake.arm(slot, tries); }
    Result<> commit(std::string_view slot) override { return fake.commit(slot); }
    Result<> mark_bad(std::string_view slot) override { return fake.mark_bad(slot); }
    Result<> confirm(std::string_view booted) override { return fake.confirm(booted); }
    Result<> rebuild(std::string_view booted) override { return fake.rebuild(booted); }
    Result<std::vector<std::string>> examine(boot::Probe probe) override { return fake.examine(probe); }
    Result<std::optional<std::string>> restart_argument() override { return std::nullopt; }
    bool trial_needs_argument() const override { return false; }
  };

  SystemFactsTest() {
    for (const char* group : {"A", "B"}) {
      config.groups[group]["rootfs"].device = folder / group;
      EXPECT_TRUE(replace_file(folder / group, "slot"));
    }
    config.agent.kernel_command_line = folder / "cmdline";
    config.agent.version_file = folder / "version";
  }
  // The group, or the error's message.
  std::string told(const std::string& command_line) {
    EXPECT_TRUE(replace_file(folder / "cmdline", command_line + "\n"));
    const auto facts = read_system_facts(config, control);
    return facts ? facts->booted_group : facts.error().message;
  }
  const test::Folder folder;
  Config config;
  Told control;
};

TEST_F(SystemFactsTest, TheGroupIsToldByTheCommandLineOfEitherProject) {
  EXPECT_EQ(told("ro aloft.slot=B quiet"), "B");
  EXPECT_EQ(told("rauc.slot=A"), "A");
  EXPECT_EQ(told("bootchooser.active=B"), "B");
}

TEST_F(SystemFactsTest, TheBootLoadersOwnWordIsEnough) {
  control.word = "B";
  EXPECT_EQ(told("quiet"), "B");
  control.broken = true;
  EXPECT_EQ(told("aloft.slot=A"), "A");
}

TEST_F(SystemFactsTest, NobodyTells) { EXPECT_THAT(told("quiet"), testing::HasSubstr("must say which group")); }

TEST_F(SystemFactsTest, AGroupThatIsNotConfiguredStopsEverything) {
  EXPECT_THAT(told("aloft.slot=C"), testing::HasSubstr("does not have"));
  control.word = "D";
  EXPECT_THAT(told("aloft.slot=A"), testing::HasSubstr("does not have"));
}

TEST_F(SystemFactsTest, ContradictionsStopEverything) {
  EXPECT_THAT(told("aloft.slot=A rauc.slot=B"), testing::HasSubstr("mend the boot loader's configuration"));
  control.word = "B";
  EXPECT_THAT(told("aloft.slot=A"), testing::HasSubstr("mend the boot loader's configuration"));
}

TEST_F(SystemFactsTest, TheVersionIsTheImages) {
  ASSERT_TRUE(replace_file(folder / "cmdline", "aloft.slot=B\n"));
  EXPECT_EQ(read_system_facts(config, control)->version, "unknown");
  ASSERT_TRUE(replace_file(folder / "version", "2.1\n"));
  EXPECT_EQ(read_system_facts(config, control)->version, "2.1");
}

// Trees in which /dev/disk's links lead to the slots.
class RootDevice : public SystemFactsTest {
 protected:
  RootDevice() {
    trees = {.dev = folder / "dev", .sys = folder / "sys", .root = folder / "nowhere"};
    for (const char* kind : {"by-partuuid", "by-partlabel", "by-label", "by-uuid"}) fs::create_directories(trees.dev / "disk" / kind);
    fs::create_symlink(folder / "B", trees.dev / "sda3");
    fs::create_symlink("../../sda3", trees.dev / "disk/by-partuuid/0815-03");
    fs::create_symlink("../../sda3", trees.dev / "disk/by-partlabel/rootfs-b");
    fs::create_symlink("../../sda3", trees.dev / "disk/by-label/b");
    fs::create_symlink("../../sda3", trees.dev / "disk/by-uuid/1234");
  }
  DeviceTrees trees;
};

TEST_F(RootDevice, IsNamedByTheCommandLineInEveryWay) {
  for (const char* root : {"/dev/sda3", "PARTUUID=0815-03", "PARTLABEL=rootfs-b", "LABEL=b", "UUID=1234"})
    EXPECT_EQ(group_of_root(config, std::string("ro root=") + root, trees), "B") << root;
  EXPECT_EQ(group_of_root(config, "root=/dev/dm-0 systemd.verity_root_data=PARTLABEL=rootfs-b", trees), "B");
  for (const char* root : {"/dev/sda9", "PARTUUID=x", "/dev/nfs", "../../B", ""})
    EXPECT_EQ(group_of_root(config, std::string("root=") + root, trees), "") << root;
}

TEST_F(RootDevice, IsAVolumeOfUbi) {
  for (const auto& [entry, name] : {std::pair("ubi0_0", "rootfs-a"), {"ubi0_1", "rootfs-b"}}) {
    const fs::path volume = trees.sys / "class/ubi" / entry;
    fs::create_directories(trees.sys / "class/ubi/ubi0");
    fs::create_directories(volume);
    for (const auto& [key, value] : {std::pair("name", name),
                                     {"type", "dynamic"},
                                     {"usable_eb_size", "1"},
                                     {"reserved_ebs", "1"},
                                     {"corrupted", "0"},
                                     {"upd_marker", "0"}})
      ASSERT_TRUE(replace_file(volume / key, std::string(value) + "\n"));
  }
  config.groups["A"]["rootfs"].device = "ubi:rootfs-a";
  config.groups["B"]["rootfs"].device = "/dev/ubi0_1";
  for (const char* root : {"ubi0:rootfs-b", "ubi:rootfs-b", "ubi0_1"})
    EXPECT_EQ(group_of_root(config, std::string("root=") + root, trees), "B") << root;
  EXPECT_EQ(group_of_root(config, "root=ubi0:rootfs-a", trees), "A");
  EXPECT_EQ(group_of_root(config, "root=ubi0:data", trees), "");
}

// With the real devices that this machine has: any block device stands for the slot.
TEST_F(RootDevice, IsFoundThroughDeviceMapper) {
  std::error_code problem;
  fs::path device;
  for (const auto& entry : fs::directory_iterator("/dev", problem))
    if (entry.is_block_file(problem)) device = entry.path();
  struct stat block{};
  if (device.empty() || ::stat(device.c_str(), &block) != 0) GTEST_SKIP() << "this machine shows no block device";
  config.groups["B"]["rootfs"].device = device;
  trees.root = folder.path();
  struct stat root{};
  ASSERT_EQ(::stat(trees.root.c_str(), &root), 0);
  const auto name = [](dev_t number) { return std::to_string(::major(number)) + ":" + std::to_string(::minor(number)); };
  fs::create_directories(trees.sys / "dev/block" / name(root.st_dev) / "slaves/dm-1");
  ASSERT_TRUE(replace_file(trees.sys / "dev/block" / name(root.st_dev) / "slaves/dm-1/dev", "253:77\n"));
  EXPECT_EQ(group_of_root(config, "", trees), "");
  fs::create_directories(trees.sys / "dev/block/253:77/slaves/part");
  ASSERT_TRUE(replace_file(trees.sys / "dev/block/253:77/slaves/part/dev", name(block.st_rdev) + "\n"));
  EXPECT_EQ(group_of_root(config, "", trees), "B");
}

}  // namespace
}  // namespace aloft::agent
