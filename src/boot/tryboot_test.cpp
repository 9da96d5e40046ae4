#include "boot/tryboot.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/file.hpp"
#include "boot/errors.hpp"
#include "boot/test_tryboot.hpp"

namespace aloft::boot {
namespace {

using test::must;

constexpr std::string_view kFactory = "[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n";

TEST(Autoboot, ReadsTheFactorysFile) {
  const Autoboot content = must(parse_autoboot(kFactory));
  EXPECT_EQ(content.usual, 2U);
  EXPECT_EQ(content.once, 3U);
  EXPECT_FALSE(content.comment);
}

TEST(Autoboot, IsAlwaysOneSector) {
  const Autoboot content{.usual = 3, .once = 2, .comment = "A=3 B=good"};
  const std::string file = must(format_autoboot(content));
  EXPECT_EQ(file.size(), 512U);
  EXPECT_TRUE(file.starts_with("#aloft A=3 B=good\n[all]\ntryboot_a_b=1\nboot_partition=3\n[tryboot]\nboot_partition=2\n#####")) << file;
  EXPECT_EQ(must(parse_autoboot(file)), content);
}

TEST(Autoboot, PassesOverWhatTheFirmwarePassesOver) {
  const Autoboot content = must(parse_autoboot("boot_partition=1\r\n[pi4]\nboot_partition=9\n[all]\n boot_partition=2 \nboot_wait=1\n"));
  EXPECT_EQ(content.usual, 2U);
  EXPECT_EQ(content.once, 0U);
}

TEST(Autoboot, RefusesWhatIsNoText) {
  EXPECT_FALSE(parse_autoboot(std::string(513, '#')));
  EXPECT_FALSE(parse_autoboot(std::string("[all]\n\0boot_partition=2\n", 24)));
  EXPECT_FALSE(format_autoboot({.usual = 2, .once = 3, .comment = std::string(500, 'x')}));
}

class TrybootTest : public ::testing::Test {
 protected:
  TrybootTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "aloft-tree-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    std::filesystem::create_directories(folder_ / "chosen/bootloader");
    storage_.region("autoboot.txt", kAutobootBytes);
    storage_.contents.at("autoboot.txt") = kFactory;
  }
  ~TrybootTest() override { std::filesystem::remove_all(folder_); }
  TrybootControl control() {
    TrybootFacts facts{.partitions = {{"A", 2}, {"B", 3}}, .device_tree = folder_};
    return {storage_.region("autoboot.txt", storage_.contents.at("autoboot.txt").size()), {"A", "B"}, facts};
  }
  Autoboot content() { return must(parse_autoboot(storage_.contents.at("autoboot.txt"))); }
  std::filesystem::path folder_;
  test::MemoryStorage storage_;
};

TEST_F(TrybootTest, TakesTheFactorysFileAsItIs) {
  const BootState state = must(control().read());
  EXPECT_EQ(state.order[0].name, "A");
  EXPECT_EQ(state.order[0].health, SlotHealth::committed);
  EXPECT_EQ(state.order[1].health, SlotHealth::bad);
}

TEST_F(TrybootTest, OnlyARestartWithTheArgumentBeginsATry) {
  ASSERT_TRUE(control().arm("B", 2));
  EXPECT_EQ(content(), (Autoboot{2, 3, "B=2 A=good"}));
  EXPECT_TRUE(control().trial_needs_argument());
  EXPECT_EQ(must(control().restart_argument()), "0 tryboot");
  EXPECT_EQ(content(), (Autoboot{2, 3, "B=1 A=good"}));
  EXPECT_EQ(must(control().restart_argument()), "0 tryboot");
  EXPECT_EQ(content(), (Autoboot{2, 3, "B=0 A=good"})) << "the firmware must still find the partition to try";
  EXPECT_FALSE(must(control().restart_argument()));
}

TEST_F(TrybootTest, ASlotThatIsNotOnTrialIsNotStartedByTheFlag) {
  ASSERT_TRUE(control().arm("B", 2));
  ASSERT_TRUE(control().mark_bad("B"));
  EXPECT_EQ(content(), (Autoboot{2, 2, "A=good B=0"}));
  EXPECT_FALSE(must(control().restart_argument()));
}

TEST_F(TrybootTest, ACommentThatContradictsTheSectionsIsCorrupt) {
  ASSERT_TRUE(control().arm("B", 2));
  storage_.contents.at("autoboot.txt") = must(format_autoboot({3, 2, "B=2 A=good"}));
  EXPECT_EQ(control().read().error().code.number, kBootStateCorrupt.number);
  storage_.contents.at("autoboot.txt") = must(format_autoboot({9, 2, "B=2 A=good"}));
  EXPECT_EQ(control().read().error().code.number, kBootStateCorrupt.number);
}

TEST_F(TrybootTest, TheFirmwareSaysWhatItStarted) {
  EXPECT_FALSE(must(control().booted()));
  ASSERT_TRUE(replace_file(folder_ / "chosen/bootloader/partition", std::string("\0\0\0\3", 4)));
  EXPECT_EQ(must(control().booted()), "B");
}

TEST_F(TrybootTest, DoctorFindsAFileThatIsNoWholeSector) {
  ASSERT_TRUE(replace_file(folder_ / "chosen/bootloader/partition", std::string("\0\0\0\2", 4)));
  EXPECT_EQ(must(control().examine(Probe::look)).size(), 1U);
  ASSERT_TRUE(control().arm("B", 2));
  EXPECT_TRUE(must(control().examine(Probe::look)).empty());
}

TEST(Tryboot, ItsSettingsAreChecked) {
  Settings settings;
  settings.set("autoboot", "/boot/firmware/autoboot.txt");
  settings.set("partitions.A", "2");
  settings.set("partitions.B", "2");
  EXPECT_EQ(open_tryboot(settings, {"A", "B"}).error().code.number, kBootSetting.number);
  settings.set("partitions.B", "/dev/mmcblk0p3");
  EXPECT_EQ(open_tryboot(settings, {"A", "B"}).error().code.number, kBootSetting.number);
  settings.set("partitions.B", "3");
  EXPECT_TRUE(open_tryboot(settings, {"A", "B"}));
}

}  // namespace
}  // namespace aloft::boot
