#include "agent/tree_files.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/test_folder.hpp"
#include "delta/errors.hpp"

namespace aloft::agent {
namespace {

class TreeFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_.path() / "tree/usr/lib");
    std::filesystem::create_directories(folder_ / "outside");
    write("tree/usr/lib/file", "inside");
    write("outside/file", "outside");
  }
  void write(const std::string& path, std::string_view text) const { ASSERT_TRUE(replace_file(folder_.path() / path, text)); }
  TreeFiles files() const { return TreeFiles(Fd(::open((folder_ / "tree").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC))); }
  const test::Folder folder_;
};

TEST_F(TreeFilesTest, ReadsARunOfAFile) {
  TreeFiles tree = files();
  Bytes some(3);
  for (int again = 0; again < 2; ++again) {
    ASSERT_TRUE(tree.read("usr/lib/file", 2, some));
    EXPECT_EQ(as_text(some), "sid");
  }
  for (const std::uint64_t offset : {4ULL, 6ULL, 1ULL << 40, 1ULL << 62}) {
    const auto read = tree.read("usr/lib/file", offset, some);
    ASSERT_FALSE(read) << offset;
    EXPECT_EQ(read.error().code.number, delta::kWrongSource.number);
  }
}

TEST_F(TreeFilesTest, NothingLeadsOutOfTheTree) {
  const auto at = [this](const char* path) { return (folder_ / "tree" / path).string(); };
  std::filesystem::create_symlink(folder_ / "outside/file", at("absolute"));
  std::filesystem::create_symlink("../outside/file", at("relative"));
  std::filesystem::create_symlink(folder_ / "outside", at("folder"));
  std::filesystem::create_symlink("usr/lib/file", at("within"));
  std::filesystem::create_symlink("lib", at("usr/lib64"));
  ASSERT_EQ(::mkfifo(at("fifo").c_str(), 0600), 0);
  TreeFiles tree = files();
  Bytes some(3);
  for (const std::string& path :
       {std::string("absolute"), std::string("relative"), std::string("folder/file"), std::string("within"), std::string("usr/lib64/file"),
        std::string("../outside/file"), std::string("usr/../../outside/file"), (folder_ / "outside/file").string(), std::string("fifo"),
        std::string("usr"), std::string("gone"), std::string("usr/lib/file/more"), std::string()}) {
    const auto read = tree.read(path, 0, some);
    ASSERT_FALSE(read) << path;
    EXPECT_EQ(read.error().code.number, delta::kWrongSource.number) << path;
    EXPECT_TRUE(tree.read("usr/lib/file", 0, some)) << "and it goes on";
  }
}

TEST_F(TreeFilesTest, OneFileIsOpenAtATime) {
  for (int i = 0; i < 50; ++i) write("tree/usr/" + std::to_string(i), "some");
  TreeFiles tree = files();
  Bytes some(3);
  const auto open = [] {
    const std::filesystem::directory_iterator descriptors("/proc/self/fd");
    return std::distance(begin(descriptors), end(descriptors));
  };
  ASSERT_TRUE(tree.read("usr/lib/file", 0, some));
  const auto before = open();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(tree.read("usr/" + std::to_string(i), 0, some));
  EXPECT_EQ(open(), before);
}

}  // namespace
}  // namespace aloft::agent
