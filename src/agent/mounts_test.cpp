#include "agent/mounts.hpp"

#include <gtest/gtest.h>

namespace aloft::agent {
namespace {

constexpr std::string_view kMountinfo =
    "21 1 8:2 / / ro,relatime - ext4 /dev/sda2 ro\n"
    "22 21 0:20 / /proc rw - proc proc rw\n"
    "23 21 8:4 / /var/lib/aloft rw shared:5 master:1 - ext4 /dev/sda4 rw,errors=remount-ro\n"
    "24 21 8:5 / /mnt/a\\040b rw - vfat /dev/sda5 rw\n"
    "25 21 8:4 /sub /srv rw - ext4 /dev/sda4 ro\n"
    "no mount at all\n";

TEST(Mounts, AreReadAsTheKernelWritesThem) {
  const auto mounts = parse_mountinfo(kMountinfo);
  ASSERT_EQ(mounts.size(), 5U);
  EXPECT_TRUE(mounts[0].read_only);
  EXPECT_FALSE(mounts[2].read_only) << "errors=remount-ro is another option";
  EXPECT_EQ(mounts[3].point, "/mnt/a b");
  EXPECT_EQ(mounts[3].source, "/dev/sda5");
  EXPECT_EQ(mounts[4].root, "/sub");
  EXPECT_TRUE(mounts[4].read_only) << "the file system itself is";
}

TEST(Mounts, TheLongestPointHasThePath) {
  const auto mounts = parse_mountinfo(kMountinfo);
  EXPECT_EQ(mount_of(mounts, "/var/lib/aloft/journal")->number, "8:4");
  EXPECT_EQ(mount_of(mounts, "/var/lib/aloft")->number, "8:4");
  EXPECT_EQ(mount_of(mounts, "/var/lib/aloft2")->number, "8:2");
  EXPECT_EQ(mount_of({}, "/var"), nullptr);
}

TEST(Mounts, FstabNamesItsSources) {
  EXPECT_EQ(fstab_sources("# comment\nLABEL=data /data ext4 defaults 0 2\n\n  UUID=AB /x vfat\nlonely\n"),
            (std::vector<std::string>{"LABEL=data", "UUID=AB"}));
}

}  // namespace
}  // namespace aloft::agent
