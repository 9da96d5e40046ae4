#include "boot/systemd_boot.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/file.hpp"
#include "boot/errors.hpp"
#include "boot/region.hpp"
#include "boot/test_systemd_boot.hpp"

namespace aloft::boot {
namespace {

using test::always;
using test::must;

const std::string kBody = "title slot\nefi /aloft/b/linux.efi\noptions quiet\n";

TEST(EntryName, CountersAreWhatSystemdBootTakesForSuch) {
  EXPECT_EQ(parse_entry_name("aloft-B.conf"), (EntryName{"aloft-B", std::nullopt, 0}));
  EXPECT_EQ(parse_entry_name("aloft-B+3.conf"), (EntryName{"aloft-B", 3, 0}));
  EXPECT_EQ(parse_entry_name("aloft-B+2-1.conf"), (EntryName{"aloft-B", 2, 1}));
  EXPECT_EQ(parse_entry_name("aloft-B+0-3.conf"), (EntryName{"aloft-B", 0, 3}));
  EXPECT_EQ(parse_entry_name("linux-6.1+deb12.conf"), (EntryName{"linux-6.1+deb12", std::nullopt, 0}));
  EXPECT_EQ(parse_entry_name("a+1+2.conf"), (EntryName{"a+1", 2, 0}));
  EXPECT_EQ(parse_entry_name("b+-1.conf"), (EntryName{"b+-1", std::nullopt, 0}));
  EXPECT_FALSE(parse_entry_name("aloft-B+3.efi"));
  EXPECT_FALSE(parse_entry_name(".conf"));
  EXPECT_EQ(format_entry_name({"aloft-B", 3, 0}), "aloft-B+3.conf");
  EXPECT_EQ(format_entry_name({"aloft-B", 0, 3}), "aloft-B+0-3.conf");
}

TEST(Entry, IsWholeSectorsWithItsOrderInTheFirst) {
  const std::string file = must(format_entry({"B", 7, kBody}));
  EXPECT_EQ(file.size(), kSectorBytes);
  EXPECT_TRUE(file.starts_with("#aloft B ")) << file;
  EXPECT_NE(file.find("\nsort-key aloft\nversion 000007\ntitle slot\n"), std::string::npos) << file;
  EXPECT_EQ(must(parse_entry(file)), (Entry{"B", 7, kBody}));
}

// tests/boot_entry_test.py has the same bytes for the program that makes the factory's entry.
TEST(Entry, IsWhatTheFactorysProgramMakes) {
  EXPECT_TRUE(must(format_entry({"B", 7, "efi /aloft/b/linux.efi\n"}))
                  .starts_with("#aloft B 17d4ebb1\nsort-key aloft\nversion 000007\nefi /aloft/b/linux.efi\n\n"));
}

TEST(Entry, ALongOneIsOrderedByItsFirstSectorToo) {
  const std::string body = kBody + "options " + std::string(1000, 'x') + "\n";
  const std::string old = must(format_entry({"B", 9, body}));
  const std::string renewed = must(format_entry({"B", 10, body}));
  EXPECT_EQ(old.size(), 3 * kSectorBytes);
  EXPECT_EQ(must(parse_entry(renewed)), (Entry{"B", 10, body}));
  EXPECT_EQ(old.substr(kSectorBytes), renewed.substr(kSectorBytes));
}

TEST(Entry, AnyChangedByteIsSeen) {
  const std::string file = must(format_entry({"B", 7, kBody}));
  for (std::size_t at = 0; at < file.size(); ++at) {
    std::string changed = file;
    changed[at] = static_cast<char>(changed[at] ^ 4);
    EXPECT_FALSE(parse_entry(changed)) << at;
  }
}

TEST(Entry, RefusesTemplatesThatWouldNotWork) {
  EXPECT_FALSE(format_entry({"B", 1, "title nothing to start\n"}));
  EXPECT_FALSE(format_entry({"B", 1, "efi /a.efi"}));
  EXPECT_FALSE(format_entry({"B", 1, kBody + "version 3\n"}));
  EXPECT_FALSE(format_entry({"B", 1, kBody + "  version 3\n"}));
  EXPECT_FALSE(format_entry({"B", 1, kBody + "options quiet\rsort-key\ta\n"}));
  EXPECT_FALSE(format_entry({"B", 1, "efi \noptions quiet\n"}));
  EXPECT_FALSE(format_entry({"B", 1, "options " + std::string(600, 'x') + "\nefi /late.efi\n"}));
  EXPECT_FALSE(format_entry({"B", 1, kBody + "options " + std::string(4000, 'x') + "\n"}));
}

class SystemdBootTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(loader_.control()->rebuild("A")); }
  std::vector<std::string> files() {
    std::vector<std::string> names;
    for (const auto& [name, content] : storage_.files) names.push_back(name);
    return names;
  }
  SystemdBootSeams other_seams(const std::string& loader_conf = "") {
    SystemdBootSeams seams;
    seams.entries = std::make_unique<test::TestFolder>(storage_);
    seams.variables = std::make_unique<test::TestVariables>(storage_);
    seams.body = [](const std::string&) { return Result<std::string>(kBody); };
    seams.loader_conf = [loader_conf] { return Result<std::optional<std::string>>(loader_conf); };
    return seams;
  }
  using Names = std::vector<std::string>;
  test::MemoryStorage storage_;
  test::TestSystemdBoot loader_{storage_, {"A", "B"}};
};

TEST_F(SystemdBootTest, NamesAreThoseThatSystemdBootCounts) {
  EXPECT_EQ(files(), (Names{"aloft-A.conf"}));
  ASSERT_TRUE(loader_.control()->arm("B", 3));
  EXPECT_EQ(files(), (Names{"aloft-A.conf", "aloft-B+3.conf"}));
  EXPECT_EQ(loader_.boot(always), "B");
  EXPECT_EQ(files(), (Names{"aloft-A.conf", "aloft-B+2-1.conf"}));
  EXPECT_EQ(must(loader_.control()->booted()), "B");
  ASSERT_TRUE(loader_.control()->commit("B"));
  EXPECT_EQ(files(), (Names{"aloft-A.conf", "aloft-B.conf"}));
}

// The old system's entry is the way back: nothing that a trial does may touch it.
TEST_F(SystemdBootTest, TheOldEntryIsNotTouchedUntilItIsTheTargetItself) {
  const std::string before = storage_.files.at("aloft-A.conf");
  ASSERT_TRUE(loader_.control()->arm("B", 3));
  loader_.boot(always);
  ASSERT_TRUE(loader_.control()->commit("B"));
  EXPECT_EQ(storage_.files.at("aloft-A.conf"), before);
  ASSERT_TRUE(loader_.control()->mark_bad("A"));
  EXPECT_EQ(files(), (Names{"aloft-B.conf"}));
}

// What was tried is what is kept, whatever the template says by then.
TEST_F(SystemdBootTest, CommittingKeepsTheEntryThatWasTried) {
  ASSERT_TRUE(loader_.control()->arm("B", 3));
  const std::string tried = must(parse_entry(storage_.files.at("aloft-B+3.conf"))).body;
  loader_.boot(always);
  SystemdBootSeams seams = other_seams();
  seams.body = [](const std::string&) { return Result<std::string>("efi /other.efi\n"); };
  SystemdBootControl control(std::move(seams), {"A", "B"}, "aloft-");
  ASSERT_TRUE(control.commit("B"));
  EXPECT_EQ(must(parse_entry(storage_.files.at("aloft-B.conf"))).body, tried);
}

// What a power cut has left of ours, under a name whose clusters another file will get.
TEST_F(SystemdBootTest, BlankFilesGoBeforeNewOnesAreMade) {
  storage_.files["aloft-B+2-1.conf"] = std::string(kSectorBytes, '#');
  ASSERT_TRUE(loader_.control()->arm("B", 3));
  EXPECT_EQ(files(), (Names{"aloft-A.conf", "aloft-B+3.conf"}));
}

TEST_F(SystemdBootTest, EntriesOfOthersAreLeftAlone) {
  storage_.files["debian.conf"] = "linux /vmlinuz\n";
  ASSERT_TRUE(loader_.control()->arm("B", 3));
  ASSERT_TRUE(loader_.control()->commit("B"));
  ASSERT_TRUE(loader_.control()->mark_bad("A"));
  ASSERT_TRUE(loader_.control()->rebuild("A"));
  EXPECT_EQ(storage_.files.at("debian.conf"), "linux /vmlinuz\n");
}

// What a rename by the firmware may leave: both names, one content.
TEST_F(SystemdBootTest, AnEntryUnderTwoNamesIsOneSlotAndGoesAsOne) {
  ASSERT_TRUE(loader_.control()->arm("B", 3));
  storage_.files["aloft-B+2-1.conf"] = storage_.files.at("aloft-B+3.conf");
  EXPECT_EQ(must(loader_.control()->read()).order.front().tries_left, 5U);
  ASSERT_TRUE(loader_.control()->mark_bad("B"));
  EXPECT_EQ(files(), (Names{"aloft-A.conf"}));
}

TEST_F(SystemdBootTest, DoctorFindsWhatOverrulesTheOrder) {
  EXPECT_TRUE(loader_.control()->examine(Probe::look));
  // Lines as systemd-boot takes them apart.
  for (const char* line :
       {"default aloft-A.conf\n", "timeout 0\ndefault\taloft-A.conf", " \t default aloft-A.conf\n", "timeout 0\rdefault a\n"}) {
    SystemdBootControl fixed(other_seams(line), {"A", "B"}, "aloft-");
    const auto examined = fixed.examine(Probe::look);
    ASSERT_FALSE(examined) << line;
    EXPECT_EQ(examined.error().code.number, kNotCounting.number);
  }
  for (const char* line : {"#default a\n", "  # default a\n", "default\n", "defaults a\n", "timeout 0\ntimeout default\n"}) {
    SystemdBootControl free(other_seams(line), {"A", "B"}, "aloft-");
    EXPECT_TRUE(free.examine(Probe::look)) << line;
  }
  test::TestVariables(storage_).set("LoaderEntryDefault-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", {7, "x"});
  EXPECT_EQ(loader_.control()->examine(Probe::look).error().code.number, kNotCounting.number);
}

TEST_F(SystemdBootTest, DoctorFindsATornEntry) {
  storage_.files["aloft-B+3.conf"] = "";
  EXPECT_EQ(must(loader_.control()->examine(Probe::look)).size(), 1U);
}

TEST(MountedFolder, WritesInPlaceAndInWholeSectors) {
  std::string pattern = (std::filesystem::temp_directory_path() / "aloft-entries-XXXXXX").string();
  const std::filesystem::path path = ::mkdtemp(pattern.data());
  MountedFolder folder(path);
  ASSERT_TRUE(folder.create_blank("b.conf", 1024));
  EXPECT_EQ(must(folder.read("b.conf")), std::string(1024, '#'));
  ASSERT_TRUE(folder.write_sector("b.conf", 1, std::string(512, 'x')));
  EXPECT_EQ(must(folder.read("b.conf")), std::string(512, '#') + std::string(512, 'x'));
  EXPECT_EQ(folder.write_sector("b.conf", 2, std::string(512, 'x')).error().code.number, kBootStateWrite.number);
  ASSERT_TRUE(folder.create_blank("b.conf", 512));
  EXPECT_EQ(must(folder.names()), std::vector<std::string>{"b.conf"});
  ASSERT_TRUE(folder.remove("b.conf"));
  ASSERT_TRUE(folder.remove("b.conf"));
  EXPECT_TRUE(must(folder.names()).empty());
  EXPECT_TRUE(folder.check_writable());
  std::filesystem::remove_all(path);
  EXPECT_FALSE(folder.names());
}

}  // namespace
}  // namespace aloft::boot
