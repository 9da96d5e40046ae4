// What doctor finds in boot state that is misconfigured, weak or damaged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/doctor.hpp"
#include "agent/test_folder.hpp"
#include "agent/try_counting.hpp"
#include "base/file.hpp"
#include "boot/grub_env.hpp"
#include "boot/uboot_env.hpp"

namespace aloft::agent {
namespace {

using testing::HasSubstr;

constexpr std::size_t kEnvBytes = 1024;

std::string grubenv() { return boot::format_grub_env({{"ORDER", "A B"}, {"A_STATE", "good"}, {"B_STATE", "good"}}, 3).value(); }
std::string uboot_env(bool redundant) {
  return boot::format_uboot_env({1, {{"BOOT_ORDER", "A"}, {"bootcmd", "run x"}}}, redundant, kEnvBytes).value();
}

class DoctorOnBoot : public ::testing::Test {
 protected:
  DoctorOnBoot() {
    put("cmdline", "aloft.slot=A\n");
    put("a", "slot");
    put("b", "slot");
    put("initial", "bootcmd=run x\n");
    std::filesystem::create_directories(folder_ / "state");
  }
  void put(const char* name, const std::string& content) { EXPECT_TRUE(replace_file(folder_ / name, content)); }
  std::string path(const char* name) const { return "\"" + (folder_ / name).string() + "\""; }
  void two_copies(const std::string& first, const std::string& second) {
    put("env", first + second);
    put("fw_env.config", (folder_ / "env").string() + " 0 0x400\n" + (folder_ / "env").string() + " 0x400 0x400\n");
  }
  std::string uboot() const {
    return "loader = \"uboot\"\nfw_env_config = " + path("fw_env.config") + "\ninitial_env = " + path("initial") + "\n";
  }
  // What it says of the boot state or boot control, by verdict: "warn: ...".
  std::vector<std::string> found(const std::string& boot) {
    put("system.toml", "product = \"p\"\nhardware = \"h\"\nstate_dir = " + path("state") + "\ntrust_dir = " + path("trust") + "\n[boot]\n" +
                           boot + "\n[group.A.rootfs]\ndevice = " + path("a") + "\n[group.B.rootfs]\ndevice = " + path("b") +
                           "\n[watchdog]\ndevice = \"\"\n[agent]\nkernel_command_line = " + path("cmdline") +
                           "\nsocket = " + path("socket") + "\n");
    FakeClock clock;
    std::vector<std::string> sentences;
    for (const Finding& finding : examine(folder_ / "system.toml", clock)) {
      if (!finding.what.starts_with("boot ")) continue;
      sentences.push_back((finding.verdict == Verdict::good      ? "ok: "
                           : finding.verdict == Verdict::warning ? "warn: "
                                                                 : "BAD: ") +
                          finding.what);
    }
    return sentences;
  }
  const test::Folder folder_;
};

TEST_F(DoctorOnBoot, NothingWhereNothingIsWrong) {
  put("grubenv", grubenv());
  EXPECT_THAT(found("grubenv = " + path("grubenv")), testing::ElementsAre("ok: boot state (grub): A committed B committed"));
  two_copies(uboot_env(true), uboot_env(true));
  EXPECT_THAT(found(uboot()), testing::ElementsAre("ok: boot state (uboot): A committed B bad"));
}

TEST_F(DoctorOnBoot, AnEnvironmentThatIsMissingOrCorrupt) {
  EXPECT_THAT(found("grubenv = " + path("none")),
              testing::ElementsAre(HasSubstr("BAD: boot state (grub): the boot loader's environment is missing")));
  put("grubenv", std::string(1024, '\0'));
  EXPECT_THAT(found("grubenv = " + path("grubenv")),
              testing::ElementsAre(HasSubstr("BAD: boot state (grub): the boot loader's environment is no GRUB")));
  two_copies(std::string(kEnvBytes, 'x'), std::string(kEnvBytes, 'y'));
  EXPECT_THAT(found(uboot()), testing::ElementsAre(HasSubstr("BAD: boot state (uboot): no copy of U-Boot's environment is valid")));
}

TEST_F(DoctorOnBoot, SettingsThatMakeNoSense) {
  EXPECT_THAT(found(uboot()), testing::ElementsAre(AllOf(HasSubstr("BAD: boot control: "), HasSubstr("fw_env.config"))));
  put("fw_env.config", "/dev/mmcblk0 0x100 0x400\n");
  EXPECT_THAT(found(uboot()), testing::ElementsAre(HasSubstr("BAD: boot control: fw_env.config, line 1: the offset must be")));
}

TEST_F(DoctorOnBoot, OneCopyOnly) {
  put("env", uboot_env(false));
  put("fw_env.config", (folder_ / "env").string() + " 0 0x400\n");
  EXPECT_THAT(found(uboot()), testing::ElementsAre(HasSubstr("warn: boot state (uboot): there is only one copy"), HasSubstr("ok: ")));
}

// And the look mends it: it writes the state once more, to the copy that is not in use.
TEST_F(DoctorOnBoot, ACopyThatIsTorn) {
  two_copies(uboot_env(true), uboot_env(true).replace(100, 1, "x"));
  EXPECT_THAT(found(uboot()), testing::ElementsAre(HasSubstr("warn: boot state (uboot): copy 2 of 2"), HasSubstr("ok: ")));
  EXPECT_THAT(found(uboot()), testing::ElementsAre(HasSubstr("ok: ")));
}

TEST_F(DoctorOnBoot, NothingToBeginAgainWith) {
  two_copies(uboot_env(true), uboot_env(true));
  std::filesystem::remove(folder_ / "initial");
  EXPECT_THAT(found(uboot()),
              testing::ElementsAre(HasSubstr("warn: boot state (uboot): boot.initial_env cannot be read"), HasSubstr("ok: ")));
}

TEST_F(DoctorOnBoot, MoreTriesThanTheBootLoaderCounts) {
  put("grubenv", boot::format_grub_env({{"ORDER", "A B"}, {"A_OK", "1"}, {"A_TRY", "0"}}, 3).value());
  EXPECT_THAT(found("convention = \"rauc\"\ntries = 3\ngrubenv = " + path("grubenv")),
              testing::ElementsAre(HasSubstr("warn: boot state (grub): tries = 3, but this boot loader gives a new system 1 boot"),
                                   HasSubstr("ok: ")));
}

TEST_F(DoctorOnBoot, ABootLoaderThatDoesNotCount) {
  put("grubenv", grubenv());
  ASSERT_TRUE(replace_file(folder_ / "state" / kNotCountingFile, "E5005 not-counting: group B was armed"));
  EXPECT_THAT(found("grubenv = " + path("grubenv")),
              testing::ElementsAre("BAD: boot state (grub): E5005 not-counting: group B was armed", HasSubstr("ok: ")));
}

}  // namespace
}  // namespace aloft::agent
