#include "base/file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/errors.hpp"
#include "base/fresh_file.hpp"

namespace aloft {
namespace {

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "aloft-file-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
};

TEST_F(FileTest, ReplaceKeepsOneWholeFile) {
  ASSERT_TRUE(replace_file(folder_ / "a", "one"));
  ASSERT_TRUE(replace_file(folder_ / "a", "two"));
  EXPECT_EQ(*read_file(folder_ / "a"), "two");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.new"));
}

TEST_F(FileTest, ErrorsSayWhatAndWhy) {
  const auto missing = read_file(folder_ / "none");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code.number, kNotFound.number);
  EXPECT_NE(missing.error().message.find("none"), std::string::npos);
  ASSERT_TRUE(replace_file(folder_ / "big", std::string(100, 'x')));
  EXPECT_EQ(read_file(folder_ / "big", 99).error().code.number, kTooLarge.number);
  EXPECT_EQ(read_file(folder_ / "big", 100)->size(), 100U);
}

TEST_F(FileTest, ReplaceThatFailsLeavesNothing) {
  std::filesystem::create_directories(folder_ / "a" / "b");
  EXPECT_FALSE(replace_file(folder_ / "a", "one"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.new"));
}

TEST_F(FileTest, AFreshFileLeavesOthersAlone) {
  ASSERT_TRUE(replace_file(folder_ / "a.new", "somebody's"));
  {
    auto fresh = FreshFile::create(folder_ / "a");
    ASSERT_TRUE(fresh);
    EXPECT_TRUE(write_all(fresh->fd(), as_bytes("never published")));
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
  auto first = *FreshFile::create(folder_ / "a");
  auto second = *FreshFile::create(folder_ / "a");
  ASSERT_TRUE(write_all(first.fd(), as_bytes("one")));
  ASSERT_TRUE(write_all(second.fd(), as_bytes("two")));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1) << "nothing is left of what is broken off here";
  ASSERT_TRUE(first.publish());
  EXPECT_EQ(*read_file(folder_ / "a"), "one");
  ASSERT_TRUE(second.publish());
  EXPECT_EQ(*read_file(folder_ / "a"), "two");
  EXPECT_EQ(*read_file(folder_ / "a.new"), "somebody's");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 2);
}

// As /dev/stdout is one to the file that a shell has opened.
TEST_F(FileTest, ALinkIsFollowed) {
  ASSERT_TRUE(replace_file(folder_ / "file", "old"));
  std::filesystem::create_symlink("file", folder_ / "link");
  ASSERT_TRUE(write_fresh(folder_ / "link", "new"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "link"));
  EXPECT_EQ(*read_file(folder_ / "file"), "new");
}

TEST_F(FileTest, AnOutputTakesNoInputsPlace) {
  ASSERT_TRUE(replace_file(folder_ / "in", "one"));
  std::filesystem::create_hard_link(folder_ / "in", folder_ / "other");
  std::filesystem::create_symlink("in", folder_ / "link");
  for (const char* name : {"in", "other", "link"})
    EXPECT_EQ(check_apart(folder_ / name, {folder_ / "none", folder_ / "in"}).error().code.number, kBadArgument.number) << name;
  EXPECT_TRUE(check_apart(folder_ / "out", {folder_ / "none", folder_ / "in"}));
  EXPECT_TRUE(check_apart(folder_ / "in", {folder_ / "none"}));
}

TEST_F(FileTest, AFullDeviceIsNoSpace) {
  const Fd full = *open_file("/dev/full", O_WRONLY);
  EXPECT_EQ(write_all(full.get(), as_bytes("x")).error().code.number, kNoSpace.number);
}

}  // namespace
}  // namespace aloft
