// Every example in integration/layouts, read with the real parser, and held against its page.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "agent/config.hpp"
#include "agent/errors.hpp"
#include "base/file.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

struct Expected {
  const char* name;
  std::size_t groups;
  std::size_t classes;  // of a normal group
  const char* recovery = "";
  std::size_t shared = 0;
  std::size_t reset_folders = 0;
};
void PrintTo(const Expected& expected, std::ostream* out) { *out << expected.name; }

constexpr Expected kLayouts[] = {
    {"ab", 2, 1},
    {"ab-hawkbit", 2, 1},
    {"abc", 3, 1},
    {"ab-boot-app", 2, 3},
    {"recovery", 2, 1, "R"},
    {"shared", 2, 1, "", 2},
    {"read-only-root", 2, 1, "", 0, 3},
};

fs::path folder_of(const std::string& name) { return fs::path(ALOFT_INTEGRATION) / "layouts" / name; }

class Layouts : public ::testing::TestWithParam<Expected> {};

TEST_P(Layouts, AreReadByTheRealParserAndAreWhatTheirPageSays) {
  const Expected& expected = GetParam();
  const auto config = load_config(folder_of(expected.name) / "system.toml");
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->groups.size(), expected.groups);
  EXPECT_EQ(config->recovery, expected.recovery);
  EXPECT_EQ(config->shared.size(), expected.shared);
  EXPECT_EQ(config->reset_folders.size(), expected.reset_folders);
  const auto page = read_file(folder_of(expected.name) / "README.md");
  ASSERT_TRUE(page) << page.error().text();
  EXPECT_THAT(*page, ::testing::HasSubstr("Boot loader"));
  for (const auto& [group, slots] : config->groups) {
    EXPECT_TRUE(group == config->recovery || slots.size() == expected.classes) << group;
    for (const auto& [slot_class, slot] : slots)
      EXPECT_THAT(*page, ::testing::HasSubstr("`" + fs::path(slot.device).filename().string() + "`")) << group << "." << slot_class;
  }
  for (const fs::path& folder : config->reset_folders) EXPECT_THAT(*page, ::testing::HasSubstr(folder.parent_path().string())) << folder;
}

INSTANTIATE_TEST_SUITE_P(All, Layouts, ::testing::ValuesIn(kLayouts), [](const auto& tested) {
  std::string name = tested.param.name;
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(LayoutFolders, AllAreTested) {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(ALOFT_INTEGRATION) / "layouts")) count += entry.is_directory() ? 1U : 0U;
  EXPECT_EQ(count, std::size(kLayouts));
}

constexpr const char* kSystemHead = "product = \"p\"\nhardware = \"h\"\n[boot]\ngrubenv = \"/g\"\n";

struct Wrong {
  const char* name;
  const char* text;
  const char* says;
};
void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.name; }

constexpr Wrong kWrongs[] = {
    {"two_recovery_systems",
     "[group.A]\nrole = \"recovery\"\n[group.A.a]\ndevice = \"/a\"\n[group.B]\nrole = \"recovery\"\n[group.B.b]\ndevice = \"/b\"\n",
     "is the recovery system already"},
    {"unknown_role", "[group.A]\nrole = \"spare\"\n[group.A.a]\ndevice = \"/a\"\n[group.B.a]\ndevice = \"/b\"\n",
     "\"normal\", \"recovery\""},
    {"class_of_both", "[group.A.a]\ndevice = \"/a\"\n[group.R]\nrole = \"recovery\"\n[group.R.a]\ndevice = \"/b\"\n",
     "classes of their own"},
    {"recovery_alone", "[group.R]\nrole = \"recovery\"\n[group.R.a]\ndevice = \"/b\"\n", "at least two groups"},
    {"reset_of_the_state", "[group.A.a]\ndevice = \"/a\"\n[group.B.a]\ndevice = \"/b\"\n[factory_reset]\nfolders = [\"/var/lib\"]\n",
     "must keep"},
    {"reset_of_everything", "[group.A.a]\ndevice = \"/a\"\n[group.B.a]\ndevice = \"/b\"\n[factory_reset]\nfolders = [\"/\"]\n", "not /"},
};

class WrongLayout : public ::testing::TestWithParam<Wrong> {};
TEST_P(WrongLayout, IsRefusedWithAReason) {
  const auto config = parse_config(std::string(kSystemHead) + GetParam().text, "system.toml");
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, ::testing::HasSubstr(GetParam().says));
}
TEST(RecoveryLayout, IsRefusedWithABootLoaderThatCannotGoOnByItself) {
  const auto config = parse_config(
      "product = \"p\"\nhardware = \"h\"\n[boot]\nloader = \"tryboot\"\nautoboot = \"/a/autoboot.txt\"\n[boot.partitions]\nA = \"2\"\nR = "
      "\"3\"\n"
      "[group.A.a]\ndevice = \"/a\"\n[group.R]\nrole = \"recovery\"\n[group.R.r]\ndevice = \"/r\"\n",
      "system.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code.number, kConfigValue.number);
  EXPECT_THAT(config.error().message, ::testing::HasSubstr("no group can have role"));
}
INSTANTIATE_TEST_SUITE_P(All, WrongLayout, ::testing::ValuesIn(kWrongs), [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace aloft::agent
