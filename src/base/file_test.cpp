#include "base/file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/errors.hpp"

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

TEST_F(FileTest, AFullDeviceIsNoSpace) {
  const Fd full = *open_file("/dev/full", O_WRONLY);
  EXPECT_EQ(write_all(full.get(), as_bytes("x")).error().code.number, kNoSpace.number);
}

}  // namespace
}  // namespace aloft
