#include "storage/sim_disk.hpp"

#include <gtest/gtest.h>

namespace aloft::storage {
namespace {

Bytes pattern(std::size_t size, int value) { return Bytes(size, static_cast<std::byte>(value)); }

TEST(SimDisk, KeepsWhatWasFlushed) {
  Power power;
  SimDisk disk(power, 4096);
  ASSERT_TRUE(disk.write(0, pattern(1024, 1)));
  ASSERT_TRUE(disk.flush());
  ASSERT_TRUE(disk.write(512, pattern(1024, 2)));
  disk.settle_after_cut(Unflushed::lost, 0);
  Bytes found(1536);
  ASSERT_TRUE(disk.read(0, found));
  EXPECT_EQ(found[1023], std::byte{1});
  EXPECT_EQ(found[1024], std::byte{0});
}

TEST(SimDisk, TearsAtSectorsOnly) {
  bool torn = false;
  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    Power power;
    SimDisk disk(power, 2048);
    ASSERT_TRUE(disk.write(0, pattern(2048, 7)));
    disk.settle_after_cut(Unflushed::random, seed);
    int kept = 0;
    for (std::size_t sector = 0; sector < 4; ++sector) {
      const ByteView bytes = disk.durable().subspan(sector * 512, 512);
      EXPECT_TRUE(std::ranges::all_of(bytes, [&](std::byte b) { return b == bytes[0]; }));
      kept += bytes[0] == std::byte{7} ? 1 : 0;
    }
    torn |= kept > 0 && kept < 4;
  }
  EXPECT_TRUE(torn);
}

TEST(SimDisk, ThePowerGoesAtTheOperationAskedFor) {
  Power power;
  SimDisk disk(power, 1024);
  power.cut_at(2);
  ASSERT_TRUE(disk.write(0, pattern(512, 1)));
  EXPECT_THROW((void)disk.flush(), PowerLost);
  disk.settle_after_cut(Unflushed::lost, 0);
  EXPECT_EQ(disk.durable()[0], std::byte{0});
}

}  // namespace
}  // namespace aloft::storage
