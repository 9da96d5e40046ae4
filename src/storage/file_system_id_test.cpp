#include "storage/file_system_id.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.hpp"
#include "base/process.hpp"

namespace aloft::storage {
namespace {

// What the real tools make, read back.
std::optional<FileSystemId> made_by(std::vector<std::string> command, const char* megabytes) {
  std::string folder = testing::TempDir() + "aloft-fs-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return std::nullopt;
  const std::string image = folder + "/image";
  EXPECT_TRUE(run_process({"truncate", "-s", megabytes, image}, std::chrono::seconds(10)));
  command.push_back(image);
  const auto end = run_process(command, std::chrono::seconds(60));
  EXPECT_TRUE(end && end->exit_status == 0) << (end ? end->output : end.error().message);
  const auto fd = open_file(image, 0);
  Bytes head(kSuperblockBytes);
  EXPECT_TRUE(fd && read_full(fd->get(), head));
  std::filesystem::remove_all(folder);
  return file_system_id(head);
}

bool is_there(const char* tool) {
  const auto end = run_process({"sh", "-c", std::string("command -v ") + tool}, std::chrono::seconds(10));
  return end && end->exit_status == 0;
}

TEST(FileSystemIdOf, Ext4) {
  if (!is_there("mkfs.ext4")) GTEST_SKIP() << "no mkfs.ext4 here";
  const auto id = made_by({"mkfs.ext4", "-q", "-U", "12345678-9abc-def0-1234-56789abcdef0", "-L", "rootfs"}, "8M");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->type, "ext");
  EXPECT_EQ(id->uuid, "12345678-9abc-def0-1234-56789abcdef0");
  EXPECT_EQ(id->label, "rootfs");
}

TEST(FileSystemIdOf, FatOfEverySize) {
  if (!is_there("mkfs.vfat")) GTEST_SKIP() << "no mkfs.vfat here";
  for (const char* bits : {"12", "16", "32"}) {
    const auto id = made_by({"mkfs.vfat", "-F", bits, "-i", "CAFE0815", "-n", "BOOT"}, "40M");
    ASSERT_TRUE(id) << bits;
    EXPECT_EQ(id->type, "vfat");
    EXPECT_EQ(id->uuid, "CAFE-0815");
    EXPECT_EQ(id->label, "BOOT");
  }
  EXPECT_EQ(made_by({"mkfs.vfat"}, "8M")->label, "");
}

TEST(FileSystemIdOf, NothingWithoutAMagicOrWithTooFewBytes) {
  Bytes head(kSuperblockBytes);
  EXPECT_FALSE(file_system_id(head));
  head[1024 + 0x38] = std::byte{0x53};
  head[1024 + 0x39] = std::byte{0xEF};
  EXPECT_TRUE(file_system_id(head));
  EXPECT_EQ(file_system_id(head)->uuid, "");
  for (std::size_t size = 0; size < 1024 + 0x88; ++size) ASSERT_FALSE(file_system_id(ByteView(head).first(size)));
}

TEST(FileSystemIdOf, Squashfs) {
  Bytes head(96);
  for (std::size_t i = 0; i < 4; ++i) head[i] = static_cast<std::byte>("hsqs"[i]);
  ASSERT_TRUE(file_system_id(head));
  EXPECT_EQ(file_system_id(head)->type, "squashfs");
}

}  // namespace
}  // namespace aloft::storage
