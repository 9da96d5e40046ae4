// barebox's state against barebox-state of dt-utils: each reads what the other wrote.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.hpp"
#include "base/process.hpp"
#include "boot/barebox.hpp"
#include "boot/test_loader.hpp"

namespace aloft::boot {
namespace {

namespace fs = std::filesystem;
using test::must;

// What is put before the device tree that we give to integrators, as the board's file that includes it would be.
constexpr const char* kBoard = "/dts-v1/;\n/ { #address-cells = <1>; #size-cells = <1>; };\n";
constexpr std::string_view kSomePartition = "00000000-0000-0000-0000-000000000000";  // where the board's own is to stand

class BareboxTool : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* tool : {"/usr/bin/barebox-state", "/usr/bin/dtc"})
      if (::access(tool, X_OK) != 0) GTEST_SKIP() << tool << " is not installed";
    if (::geteuid() != 0) GTEST_SKIP() << "barebox-state finds the partition in /dev/disk/by-partuuid, which only root can add to";
    std::string pattern = (fs::temp_directory_path() / "aloft-barebox-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    const std::string uuid = "aloft-test-" + std::to_string(::getpid());
    link_ = fs::path("/dev/disk/by-partuuid") / uuid;
    std::error_code problem;
    fs::create_directories(link_.parent_path(), problem);
    fs::create_symlink(folder_ / "disk", link_, problem);
    if (problem) GTEST_SKIP() << "no links can be made in /dev";
    std::string tree = kBoard + must(read_file(ALOFT_SOURCE_DIR "/integration/bootloader/barebox/state.dtsi"));
    tree.replace(tree.find(kSomePartition), kSomePartition.size(), uuid);
    ASSERT_TRUE(replace_file(folder_ / "state.dts", tree));
    ASSERT_TRUE(replace_file(folder_ / "disk", std::string(64 << 10, '\0')));
    run({"/usr/bin/dtc", "-q", "-O", "dtb", "-o", (folder_ / "state.dtb").string(), (folder_ / "state.dts").string()});
  }
  void TearDown() override {
    std::error_code problem;
    if (!link_.empty()) fs::remove(link_, problem);
    if (!folder_.empty()) fs::remove_all(folder_, problem);
  }
  std::unique_ptr<BootControl> control() {
    Settings settings;
    const std::map<std::string, std::string> values = {{"device", (folder_ / "disk").string()},
                                                       {"offset", "0"},
                                                       {"stride", "1024"},
                                                       {"magic", std::to_string(0x3f45620b)},
                                                       {"attempts", "3"},
                                                       {"attempts_at.A", "0"},
                                                       {"priority_at.A", "4"},
                                                       {"attempts_at.B", "8"},
                                                       {"priority_at.B", "12"},
                                                       {"last_chosen_at", "16"},
                                                       {"target.A", "1"},
                                                       {"target.B", "2"}};
    for (const auto& [key, value] : values) settings.set(key, value);
    return must(open_barebox(settings, {"A", "B"}));
  }
  static std::string run(const std::vector<std::string>& argv) {
    const auto end = run_process(argv, std::chrono::seconds(20));
    EXPECT_TRUE(end && end->exit_status == 0) << argv[0] << ": " << (end ? end->output : end.error().text());
    return end ? last_line(end->output) : "";
  }
  std::string get(const std::string& variable) {
    return run({"/usr/bin/barebox-state", "-q", "-i", (folder_ / "state.dtb").string(), "-g", "bootstate." + variable});
  }
  void set(const std::string& assignment) {
    run({"/usr/bin/barebox-state", "-i", (folder_ / "state.dtb").string(), "-s", "bootstate." + assignment});
  }
  fs::path folder_;
  fs::path link_;
};

TEST_F(BareboxTool, ReadsWhatWeWrite) {
  ASSERT_TRUE(control()->rebuild("A"));
  ASSERT_TRUE(control()->arm("B", 2));
  EXPECT_EQ(get("B.remaining_attempts"), "2");
  EXPECT_EQ(get("B.priority"), "21");
  EXPECT_EQ(get("A.priority"), "10");
}

TEST_F(BareboxTool, WritesWhatWeRead) {
  set("A.priority=20");
  set("B.priority=21");
  set("B.remaining_attempts=1");
  set("last_chosen=2");
  const BootState state = must(control()->read());
  EXPECT_EQ(state.order[0].name, "B");
  EXPECT_EQ(state.order[0].health, SlotHealth::trial);
  EXPECT_EQ(state.order[0].tries_left, 1U);
  EXPECT_EQ(state.order[1].health, SlotHealth::committed);
  EXPECT_EQ(must(control()->booted()), "B");
  EXPECT_TRUE(must(control()->examine(Probe::look)).empty());
  ASSERT_TRUE(control()->commit("B"));
  EXPECT_EQ(get("B.priority"), "20");
}

}  // namespace
}  // namespace aloft::boot
