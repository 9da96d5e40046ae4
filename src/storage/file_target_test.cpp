#include "storage/file_target.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>

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

TEST_F(FileTargetTest, NeedsItsFolder) {
  FileTarget file(nullptr, folder_ / "none" / "app.bin", 0644, OnFat::refuse);
  EXPECT_FALSE(file.begin(image_of(content_)));
}

}  // namespace
}  // namespace aloft::storage
