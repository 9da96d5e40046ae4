// EFI Boot Guard's environment against its own bg_setenv and bg_printenv: each reads what the other wrote.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.hpp"
#include "base/process.hpp"
#include "boot/bgenv.hpp"
#include "boot/boot_guard.hpp"
#include "boot/test_loader.hpp"

namespace aloft::boot {
namespace {

using test::must;

class BootGuardTools : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::access("/usr/bin/bg_setenv", X_OK) != 0) GTEST_SKIP() << "efibootguard is not installed";
    std::string pattern = (std::filesystem::temp_directory_path() / "aloft-bgenv-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    for (const char* slot : {"A", "B"}) {
      std::filesystem::create_directories(folder_ / slot);
      ASSERT_TRUE(replace_file(file(slot), ""));
    }
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  std::filesystem::path file(const std::string& slot) const { return folder_ / slot / "BGENV.DAT"; }
  std::string run(const std::string& tool, const std::string& slot, const std::vector<std::string>& arguments = {}) {
    std::vector<std::string> argv{"/usr/bin/" + tool, "-f", file(slot).string()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const auto end = run_process(argv, std::chrono::seconds(20));
    EXPECT_TRUE(end && end->exit_status == 0) << tool << ": " << (end ? end->output : end.error().text());
    return end ? end->output : "";
  }
  std::string shown(const std::string& slot) { return run("bg_printenv", slot, {"-r"}); }
  std::unique_ptr<BootControl> control() {
    std::vector<GuardSlot> slots;
    for (const char* slot : {"A", "B"})
      slots.push_back(
          {slot, FileRegion::whole_file(file(slot), kMostGuardBytes), std::string("\\aloft\\") + slot, std::string("aloft.slot=") + slot});
    return std::make_unique<BootGuardControl>(std::move(slots), std::uint16_t{40});
  }
  std::filesystem::path folder_;
};

TEST_F(BootGuardTools, ReadWhatWeWrite) {
  ASSERT_TRUE(control()->rebuild("A"));
  EXPECT_EQ(shown("A"), "IN_PROGRESS=0\nREVISION=1\nKERNEL=\\aloft\\A\nKERNELARGS=aloft.slot=A\nWATCHDOG_TIMEOUT=40\nUSTATE=0\n");
  ASSERT_TRUE(control()->arm("B", 1));
  EXPECT_EQ(shown("B"), "IN_PROGRESS=0\nREVISION=2\nKERNEL=\\aloft\\B\nKERNELARGS=aloft.slot=B\nWATCHDOG_TIMEOUT=40\nUSTATE=1\n");
  ASSERT_TRUE(control()->commit("B"));
  EXPECT_EQ(shown("B"), "IN_PROGRESS=0\nREVISION=2\nKERNEL=\\aloft\\B\nKERNELARGS=aloft.slot=B\nWATCHDOG_TIMEOUT=40\nUSTATE=0\n");
  ASSERT_TRUE(control()->mark_bad("A"));
  EXPECT_EQ(shown("A"), "IN_PROGRESS=1\nREVISION=0\nKERNEL=\\aloft\\A\nKERNELARGS=aloft.slot=A\nWATCHDOG_TIMEOUT=40\nUSTATE=3\n");
}

TEST_F(BootGuardTools, WriteWhatWeRead) {
  ASSERT_TRUE(control()->rebuild("A"));
  run("bg_setenv", "B",
      {"-k", "C:BOOT1:linux.efi", "-a", "root=/dev/sda3", "-w", "30", "-r", "9", "-s", "TESTING", "-x", "made_by=factory"});
  const BootState state = must(control()->read());
  EXPECT_EQ(state.order.front().name, "B");
  EXPECT_EQ(state.order.front().health, SlotHealth::bad) << "on its only try";
  ASSERT_TRUE(control()->commit("B"));
  EXPECT_EQ(shown("B").substr(0, 105),
            "IN_PROGRESS=0\nREVISION=9\nKERNEL=C:BOOT1:linux.efi\nKERNELARGS=root=/dev/sda3\nWATCHDOG_TIMEOUT=30\nUSTATE=0\n");
  EXPECT_NE(run("bg_printenv", "B").find("made_by"), std::string::npos) << "user variables stay";
}

}  // namespace
}  // namespace aloft::boot
