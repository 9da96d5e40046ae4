#include "storage/gpt.hpp"

#include <gtest/gtest.h>

#include "base/crc32.hpp"
#include "crypto/test_pki.hpp"
#include "storage/boot_flag.hpp"
#include "storage/errors.hpp"
#include "storage/little_endian.hpp"
#include "storage/sim_disk.hpp"

namespace aloft::storage {
namespace {

using crypto::test::must;

constexpr std::uint64_t kDiskBytes = 16ULL << 20;
constexpr std::size_t kSector = 512;
const Bytes kLoader(40 * kSector, std::byte{0xa5});

Guid guid(std::uint8_t fill) {
  Guid made;
  made.fill(static_cast<std::byte>(fill));
  return made;
}

GptEntry partition(const std::string& name, std::uint64_t first, std::uint64_t last) {
  return {.type = must(parse_guid("0FC63DAF-8483-4772-8E79-3D69D8477DE4")),
          .id = guid(static_cast<std::uint8_t>(first)),
          .first = first,
          .last = last,
          .name = name};
}

class GptTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Gpt gpt = must(Gpt::create(disk_, guid(9)));
    ASSERT_TRUE(gpt.set(0, partition("boot-a", 2048, 4095)));
    ASSERT_TRUE(gpt.set(1, partition("boot-b", 4096, 6143)));
    ASSERT_TRUE(gpt.write(disk_));
  }
  void damage(std::uint64_t sector) { disk_.fill(sector * kSector + 50, Bytes(1, std::byte{0x5a})); }
  // Of a table just written, as `sgdisk --move-main-table` does.
  static void move_entries(SimDisk& disk, std::uint64_t to) {
    const Bytes before = disk.durable();
    Bytes header(before.begin() + kSector, before.begin() + 2 * kSector);
    const std::uint64_t from = get_le<std::uint64_t>(header, 72);
    disk.fill(to * kSector, ByteView(before).subspan(from * kSector, 32 * kSector));
    disk.fill(from * kSector, Bytes(32 * kSector));
    put_le(header, 40, to + 32);
    put_le(header, 72, to);
    put_le(header, 16, std::uint32_t{0});
    put_le(header, 16, crc32(ByteView(header).first(92)));
    disk.fill(kSector, header);
  }
  std::uint64_t last_sector() const { return kDiskBytes / kSector - 1; }
  Power power_;
  SimDisk disk_{power_, kDiskBytes};
};

TEST_F(GptTest, ReadsWhatItWrote) {
  const Gpt gpt = must(Gpt::read(disk_));
  EXPECT_TRUE(gpt.is_sound());
  EXPECT_EQ(gpt.entry(1).name, "boot-b");
  EXPECT_EQ(gpt.entry(1).last, 6143U);
  EXPECT_EQ(to_text(gpt.entry(0).type), "0fc63daf-8483-4772-8e79-3d69d8477de4");
  EXPECT_TRUE(gpt.entry(2).is_free());
}

TEST_F(GptTest, EitherCopyIsEnough) {
  damage(1);
  EXPECT_EQ(must(Gpt::read(disk_)).entry(0).name, "boot-a");
  EXPECT_FALSE(must(Gpt::read(disk_)).is_sound());
  Gpt gpt = must(Gpt::read(disk_));
  ASSERT_TRUE(gpt.write(disk_));
  EXPECT_TRUE(must(Gpt::read(disk_)).is_sound());
  damage(last_sector());
  EXPECT_FALSE(must(Gpt::read(disk_)).is_sound());
  damage(1);
  EXPECT_EQ(Gpt::read(disk_).error().code.number, kNoTable.number);
}

TEST_F(GptTest, RefusesPartitionsThatCannotBe) {
  Gpt gpt = must(Gpt::read(disk_));
  EXPECT_EQ(gpt.set(2, partition("x", 4000, 5000)).error().code.number, kBadPartition.number);
  EXPECT_EQ(gpt.set(2, partition("x", 8000, 7000)).error().code.number, kBadPartition.number);
  EXPECT_EQ(gpt.set(2, partition("x", 8000, kDiskBytes)).error().code.number, kBadPartition.number);
  EXPECT_EQ(gpt.set(2, partition(std::string(37, 'x'), 8000, 9000)).error().code.number, kBadPartition.number);
  EXPECT_EQ(gpt.set(200, partition("x", 8000, 9000)).error().code.number, kBadPartition.number);
}

TEST_F(GptTest, TheBackupFollowsAGrownDisk) {
  SimDisk larger(power_, 2 * kDiskBytes);
  larger.fill(0, disk_.durable());
  Gpt gpt = must(Gpt::read(larger));
  EXPECT_FALSE(gpt.is_sound());
  gpt.fit_to(larger);
  ASSERT_TRUE(gpt.set(2, partition("data", kDiskBytes / kSector, kDiskBytes / kSector + 2047)));
  ASSERT_TRUE(gpt.write(larger));
  EXPECT_TRUE(must(Gpt::read(larger)).is_sound());
}

// As on boards whose ROM looks for a loader at sector 64, which no partition covers.
TEST_F(GptTest, ABootLoaderBehindTheTableIsLeftAlone) {
  ASSERT_TRUE(must(Gpt::read(disk_)).write(disk_));  // the entries stand at sector 2 again
  disk_.fill(64 * kSector, kLoader);
  const Bytes before = disk_.durable();
  Gpt gpt = must(Gpt::read(disk_));
  ASSERT_TRUE(gpt.set(2, partition("data", 8192, 9215)));
  EXPECT_EQ(can_flag(disk_).error().code.number, kBadPartition.number);
  EXPECT_EQ(gpt.write(disk_).error().code.number, kBadPartition.number);
  EXPECT_EQ(disk_.durable(), before);
}

// The table was moved behind the loader, with as much room again behind it and no more.
TEST_F(GptTest, ABootLoaderWhereAMovedTableWouldStandIsLeftAlone) {
  for (const std::uint64_t at : {16U, 64U}) {
    SimDisk disk(power_, kDiskBytes);
    Gpt gpt = must(Gpt::create(disk, guid(9)));
    ASSERT_TRUE(gpt.set(0, partition("boot-a", 2112, 3111)));
    ASSERT_TRUE(gpt.write(disk));
    move_entries(disk, 2048);
    disk.fill(at * kSector, kLoader);
    for (std::uint64_t more = 1; more < 8; ++more) {
      gpt = must(Gpt::read(disk));
      ASSERT_TRUE(gpt.set(more, partition("more", 8192 + more * 1024, 9215 + more * 1024)));
      ASSERT_TRUE(gpt.write(disk)) << more;
      EXPECT_TRUE(must(Gpt::read(disk)).is_sound());
      EXPECT_TRUE(std::ranges::equal(ByteView(disk.durable()).subspan(at * kSector, kLoader.size()), kLoader));
    }
  }
}

// As sectors read that were erased and never written, on SD cards, eMMC and NAND behind a translation layer.
TEST_F(GptTest, ErasedSectorsAreRoom) {
  for (const std::size_t erased : {64U, 20U}) {
    SimDisk disk = disk_;
    disk.fill(2 * kSector, Bytes(32 * kSector));
    disk.fill(2 * kSector, Bytes(erased / 2 * kSector, std::byte{0xff}));
    disk.fill(66 * kSector, Bytes(erased * kSector, std::byte{0xff}));
    EXPECT_TRUE(can_flag(disk));
    ASSERT_TRUE(must(Gpt::read(disk)).write(disk)) << erased;
    EXPECT_TRUE(must(Gpt::read(disk)).is_sound());
  }
}

TEST_F(GptTest, SectorsThatCannotBeReadArePassedOver) {
  struct : BlockDevice {
    std::uint64_t size_bytes() const override { return disk->size_bytes(); }
    Result<> read(std::uint64_t offset, MutableByteView buffer) override {
      if (offset <= dead * kSector && dead * kSector < offset + buffer.size()) return fail(kReadBack, "a dead sector");
      return disk->read(offset, buffer);
    }
    Result<> write(std::uint64_t offset, ByteView bytes) override { return disk->write(offset, bytes); }
    Result<> flush() override { return disk->flush(); }
    SimDisk* disk = nullptr;
    std::uint64_t dead = 5;
  } worn;
  worn.disk = &disk_;
  const auto place = [this] { return get_le<std::uint64_t>(ByteView(disk_.durable()).subspan(kSector), 72); };
  ASSERT_EQ(place(), 34U);
  ASSERT_TRUE(must(Gpt::read(worn)).write(worn));
  EXPECT_EQ(place(), 66U);
  EXPECT_TRUE(must(Gpt::read(worn)).is_sound());
}

// Not one behind the other, until the room is used up.
TEST_F(GptTest, TwoPlacesTakeTurns) {
  const auto place = [this] { return get_le<std::uint64_t>(ByteView(disk_.durable()).subspan(kSector), 72); };
  for (const std::uint64_t wanted : {2U, 34U, 2U, 34U}) {
    ASSERT_TRUE(must(Gpt::read(disk_)).write(disk_));
    EXPECT_EQ(place(), wanted);
  }
}

TEST_F(GptTest, WhatAnotherTableLeftIsWrittenOver) {
  SimDisk other(power_, kDiskBytes);
  Gpt foreign = must(Gpt::create(other, guid(7)));
  ASSERT_TRUE(foreign.set(5, partition("other", 3000, 3999)));
  ASSERT_TRUE(foreign.write(other));
  disk_.fill(2 * kSector, ByteView(other.durable()).subspan(34 * kSector, 32 * kSector));
  ASSERT_TRUE(must(Gpt::read(disk_)).write(disk_));
  EXPECT_EQ(must(Gpt::read(disk_)).entry(1).name, "boot-b");
}

TEST(Guids, AreWrittenAsPeopleWriteThem) {
  const std::string_view esp = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
  const Guid parsed = must(parse_guid(esp));
  EXPECT_EQ(parsed[0], std::byte{0x28});
  EXPECT_EQ(to_text(parsed), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
  EXPECT_FALSE(parse_guid("C12A7328"));
  EXPECT_FALSE(parse_guid("G12A7328-F81F-11D2-BA4B-00A0C93EC93B"));
}

}  // namespace
}  // namespace aloft::storage
