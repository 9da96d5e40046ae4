#include "storage/file_target.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <thread>

#include "bundle/test_bundle.hpp"
#include "storage/errors.hpp"

namespace aloft::storage {
namespace {

namespace fs = std::filesystem;
using crypto::test::must;

class FileTargetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/var/tmp/aloft-file-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    ASSERT_TRUE(replace_file(folder_ / "app.bin", "old"));
  }
  void TearDown() override { fs::remove_all(folder_); }
  bundle::Image image_of(ByteView content) {
    bundle::Image image{.name = "app"};
    image.sha256 = crypto::sha256(content);
    image.size_bytes = content.size();
    return image;
  }
  FileTarget target() { return {nullptr, folder_ / "app.bin", 0755, OnFat::refuse}; }
  std::size_t files() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator())); }
  fs::path folder_;
  const Bytes content_ = bundle::test::test_content(100'000);
};

TEST_F(FileTargetTest, TheOldFileStaysUntilTheNewOneIsWhole) {
  FileTarget file = target();
  ASSERT_TRUE(file.begin(image_of(content_)));
  ASSERT_TRUE(file.append(content_));
  EXPECT_EQ(must(read_file(folder_ / "app.bin")), "old");
  ASSERT_TRUE(file.finish());
  EXPECT_TRUE(std::ranges::equal(as_bytes(must(read_file(folder_ / "app.bin"))), content_));
  struct stat status{};
  ASSERT_EQ(::stat((folder_ / "app.bin").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0755U);
  EXPECT_EQ(files(), 1U);
}

TEST_F(FileTargetTest, AnAbortedOrWrongFileLeavesTheOldOneAlone) {
  {
    FileTarget file = target();
    ASSERT_TRUE(file.begin(image_of(content_)));
    ASSERT_TRUE(file.append(ByteView(content_).first(500)));
    const auto done = file.finish();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code.number, kReadBack.number);
  }
  EXPECT_EQ(must(read_file(folder_ / "app.bin")), "old");
  EXPECT_EQ(files(), 1U);
}

// A process that was killed leaves its new file behind.
TEST_F(FileTargetTest, WhatAKilledInstallLeftIsReplaced) {
  ASSERT_TRUE(replace_file(folder_ / ".app.bin.aloft-new", "half"));
  FileTarget file = target();
  ASSERT_TRUE(file.begin(image_of(content_)));
  ASSERT_TRUE(file.append(content_));
  ASSERT_TRUE(file.finish());
  EXPECT_EQ(files(), 1U);
}

// From now on, and for this thread only, as a service manager's filter against setuid files does it.
bool refuse_modes() {
  std::array<sock_filter, 4> program{{{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
                                      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_fchmod},
                                      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EPERM},
                                      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}}};
  const sock_fprog whole{.len = program.size(), .filter = program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole) == 0;
}

TEST_F(FileTargetTest, AModeThatCannotBeGivenIsAnError) {
  std::thread([this] {
    if (!refuse_modes()) return;  // a kernel without filters
    FileTarget file(nullptr, folder_ / "app.bin", 04755, OnFat::refuse);
    ASSERT_TRUE(file.begin(image_of(content_)));
    ASSERT_TRUE(file.append(content_));
    const auto done = file.finish();
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().text().find("setting the mode"), std::string::npos) << done.error().text();
    file.abort();
  }).join();
  EXPECT_EQ(must(read_file(folder_ / "app.bin")), "old");
  EXPECT_EQ(files(), 1U);
}

TEST_F(FileTargetTest, NeedsItsFolder) {
  FileTarget file(nullptr, folder_ / "none" / "app.bin", 0644, OnFat::refuse);
  EXPECT_FALSE(file.begin(image_of(content_)));
}

}  // namespace
}  // namespace aloft::storage
