// U-Boot's environment against libubootenv's fw_printenv and fw_setenv: each reads what the other wrote.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.hpp"
#include "base/process.hpp"
#include "boot/fw_env_config.hpp"
#include "boot/test_loader.hpp"
#include "boot/uboot.hpp"

namespace aloft::boot {
namespace {

using test::must;

class Libubootenv : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (::access("/usr/bin/fw_printenv", X_OK) != 0) GTEST_SKIP() << "libubootenv-tool is not installed";
    std::string pattern = (std::filesystem::temp_directory_path() / "aloft-uboot-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    const std::string disk = (folder_ / "disk").string();
    ASSERT_TRUE(replace_file(disk, std::string(64 << 10, '\0')));
    std::string config = disk + " 0x1000 0x4000\n";
    if (GetParam()) config += disk + " 0x8000 0x4000\n";
    ASSERT_TRUE(replace_file(folder_ / "fw_env.config", config));
    ASSERT_TRUE(replace_file(folder_ / "initial", "bootcmd=run distro_bootcmd\nbaudrate=115200\n"));
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  std::unique_ptr<BootControl> control() {
    auto environment = must(open_uboot_env(must(parse_fw_env_config(must(read_file(folder_ / "fw_env.config"))))));
    return std::make_unique<UbootOrderControl>(std::move(environment), folder_ / "initial", std::vector<std::string>{"A", "B"}, 3);
  }
  std::string run(const std::string& tool, const std::vector<std::string>& arguments) {
    std::vector<std::string> argv{"/usr/bin/" + tool, "-c", (folder_ / "fw_env.config").string(), "-f", (folder_ / "initial").string()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const auto end = run_process(argv, std::chrono::seconds(20));
    EXPECT_TRUE(end && end->exit_status == 0) << tool << ": " << (end ? end->output : end.error().text());
    return end ? end->output : "";
  }
  std::filesystem::path folder_;
};

TEST_P(Libubootenv, ReadsWhatWeWrite) {
  ASSERT_TRUE(control()->rebuild("A"));
  ASSERT_TRUE(control()->arm("B", 2));
  EXPECT_EQ(run("fw_printenv", {"BOOT_ORDER"}), "BOOT_ORDER=B A\n");
  EXPECT_EQ(run("fw_printenv", {"BOOT_B_LEFT"}), "BOOT_B_LEFT=2\n");
  EXPECT_EQ(run("fw_printenv", {"aloft_trial"}), "aloft_trial=B\n");
  EXPECT_EQ(run("fw_printenv", {"bootcmd"}), "bootcmd=run distro_bootcmd\n");
}

TEST_P(Libubootenv, WritesWhatWeReadAlsoPastTheWrapOfTheSerialNumber) {
  ASSERT_TRUE(control()->rebuild("A"));
  for (int i = 0; i < 90; ++i) {
    run("fw_setenv", {"BOOT_ORDER", i % 2 == 0 ? "B A" : "A B"});
    run("fw_setenv", {"BOOT_B_LEFT", "1"});
    ASSERT_EQ(must(control()->read()).order.front().name, i % 2 == 0 ? "B" : "A") << i;
    ASSERT_TRUE(control()->arm("B", 1 + static_cast<unsigned>(i) % 9));
    ASSERT_EQ(run("fw_printenv", {"-n", "BOOT_B_LEFT"}), std::to_string(1 + i % 9) + "\n") << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Copies, Libubootenv, ::testing::Bool(), [](const auto& tested) { return tested.param ? "Two" : "One"; });

}  // namespace
}  // namespace aloft::boot
