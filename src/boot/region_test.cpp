#include "boot/region.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "base/errors.hpp"
#include "base/file.hpp"
#include "boot/errors.hpp"

namespace aloft::boot {
namespace {

class FileRegionTest : public ::testing::Test {
 protected:
  FileRegionTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "aloft-region-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
    EXPECT_TRUE(replace_file(folder / "disk", std::string(4096, 'x')));
  }
  ~FileRegionTest() override { std::filesystem::remove_all(folder); }
  std::string disk() { return read_file(folder / "disk").value(); }
  std::filesystem::path folder;
};

TEST_F(FileRegionTest, IsAPartOfTheDevice) {
  FileRegion region(folder / "disk", 1024, 1024);
  ASSERT_TRUE(region.write(512, std::string(512, 'a')));
  EXPECT_EQ(disk(), std::string(1536, 'x') + std::string(512, 'a') + std::string(2048, 'x'));
  EXPECT_EQ(*region.read(), std::string(512, 'x') + std::string(512, 'a'));
}

TEST_F(FileRegionTest, WritesWholeSectorsWithinItselfOnly) {
  FileRegion region(folder / "disk", 1024, 1024);
  for (const auto& [offset, size] : {std::pair{0U, 0U}, {0U, 100U}, {100U, 512U}, {1024U, 512U}, {512U, 1024U}})
    EXPECT_EQ(region.write(offset, std::string(size, 'a')).error().code.number, kBootStateWrite.number) << offset << "+" << size;
  EXPECT_EQ(disk(), std::string(4096, 'x'));
}

TEST_F(FileRegionTest, AWholeFileIsAsLongAsItIs) {
  const auto region = FileRegion::whole_file(folder / "disk", 8192);
  ASSERT_TRUE(replace_file(folder / "disk", std::string(1100, 'x')));
  EXPECT_EQ(region->read()->size(), 1100U);
  ASSERT_TRUE(region->write(1024, std::string(76, 'a')));
  EXPECT_EQ(disk(), std::string(1024, 'x') + std::string(76, 'a'));
  for (const auto& [offset, size] : {std::pair{1024U, 75U}, {1024U, 512U}, {512U, 100U}})
    EXPECT_EQ(region->write(offset, std::string(size, 'b')).error().code.number, kBootStateWrite.number) << offset << "+" << size;
  EXPECT_EQ(disk().size(), 1100U);
}

TEST_F(FileRegionTest, ReadsLessWhereTheDeviceEnds) {
  EXPECT_EQ(FileRegion(folder / "disk", 3584, 1024).read()->size(), 512U);
  EXPECT_EQ(FileRegion(folder / "disk", 8192, 1024).read()->size(), 0U);
  EXPECT_EQ(FileRegion(folder / "none", 0, 1024).read().error().code.number, kNotFound.number);
}

// The kernel answers EIO for what is not mapped: a disk whose first eight sectors are dead.
TEST_F(FileRegionTest, ADeadSectorCountsAsDamaged) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  char* const memory = static_cast<char*>(::mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(memory, MAP_FAILED);
  std::fill_n(memory + page, page, 'x');
  ASSERT_EQ(::munmap(memory, page), 0);
  FileRegion region("/proc/self/mem", reinterpret_cast<std::uintptr_t>(memory), page + 1024);
  const auto content = region.read();
  ASSERT_TRUE(content) << content.error().text();
  EXPECT_EQ(*content, std::string(page, '\0') + std::string(1024, 'x'));
  ::munmap(memory + page, page);
}

TEST_F(FileRegionTest, NeverMakesAFileButToStartOver) {
  FileRegion region(folder / "none", 0, 1024);
  EXPECT_FALSE(region.write(0, std::string(512, 'a')));
  EXPECT_FALSE(region.check_writable());
  EXPECT_FALSE(std::filesystem::exists(folder / "none"));
}

// Where the boot loader's own is not mounted, the folder that it belongs on is there all the same.
TEST_F(FileRegionTest, ALostFileIsMadeOnlyOnAFileSystemOfItsOwn) {
  for (const char* path : {"/aloft-no-such-state", "/dev/aloft-no-such-device"}) {
    EXPECT_EQ(FileRegion(path, 0, 1024).create(std::string(512, 'a')).error().code.number, kNotFound.number) << path;
    EXPECT_FALSE(std::filesystem::remove(path)) << path;
  }
  std::string pattern = "/dev/shm/aloft-region-XXXXXX";  // in memory, as everywhere that glibc runs
  const std::filesystem::path mounted = ::mkdtemp(pattern.data());
  FileRegion region(mounted / "none", 0, 1024);
  const auto made = region.create(std::string(512, 'a'));
  EXPECT_TRUE(made) << made.error().text();
  EXPECT_TRUE(region.check_writable());
  EXPECT_EQ(*region.read(), std::string(512, 'a'));
  // A link's folder says nothing.
  std::filesystem::create_symlink(mounted / "linked", folder / "link");
  EXPECT_TRUE(FileRegion(folder / "link", 0, 1024).create(std::string(512, 'a')));
  EXPECT_TRUE(std::filesystem::exists(mounted / "linked"));
  std::filesystem::create_symlink("/aloft-no-such-state", mounted / "away");
  EXPECT_FALSE(FileRegion(mounted / "away", 0, 1024).create(std::string(512, 'a')));
  EXPECT_FALSE(std::filesystem::remove("/aloft-no-such-state"));
  std::filesystem::remove_all(mounted);
}

TEST_F(FileRegionTest, AFileOfAnotherSizeIsStartedOverWhereverItIs) {
  FileRegion region(folder / "disk", 0, 1024);
  ASSERT_TRUE(region.create(std::string(512, 'a')));
  EXPECT_EQ(disk(), std::string(512, 'a'));
}

TEST_F(FileRegionTest, StartingOverLeavesTheRestOfADeviceAlone) {
  ASSERT_TRUE(FileRegion(folder / "disk", 1024, 1024).create(std::string(512, 'a')));
  EXPECT_EQ(disk(), std::string(1024, 'x') + std::string(512, 'a') + std::string(2560, 'x'));
}

}  // namespace
}  // namespace aloft::boot
