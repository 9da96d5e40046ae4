// A power cut at every write and flush of a partition table that is made, or of which partitions are added and grown, whatever becomes of
// unflushed writes, and again while that is made up for. The table that is found then must be the old or the new.
#include <gtest/gtest.h>

#include "base/crc32.hpp"
#include "crypto/test_pki.hpp"
#include "storage/little_endian.hpp"
#include "storage/partition_plan.hpp"
#include "storage/test_cut_search.hpp"
#include "storage/test_gpt.hpp"

namespace aloft::storage {
namespace {

using crypto::test::must;
using test::CutSearch;
using test::CutStory;
using test::kMiB;

constexpr std::uint64_t kDiskBytes = 9 * kMiB;

Guid some_id() { return {std::byte{3}}; }

GptEntry entry(const std::string& name, std::uint64_t first, std::uint64_t last) {
  return {.type = {std::byte{7}}, .id = some_id(), .first = first, .last = last, .attributes = 0, .name = name};
}

// "name first-last" of each.
std::string shown(const Gpt& gpt) {
  std::string text;
  for (std::size_t index = 0; index < gpt.entry_count(); ++index) {
    const GptEntry one = gpt.entry(index);
    if (!one.is_free()) text += one.name + " " + std::to_string(one.first) + "-" + std::to_string(one.last) + "\n";
  }
  return text;
}

// A disk without a table shows nothing.
std::string shown(SimDisk disk) {
  const auto gpt = Gpt::read(disk);
  return gpt ? shown(*gpt) : "";
}

// Linux takes a GUID table only where the first sector says that there is one.
bool has_protective_mbr(SimDisk& disk) {
  Bytes first(SimDisk::kSectorBytes);
  must(disk.read(0, first));
  return first[450] == std::byte{0xEE} && first[510] == std::byte{0x55} && first[511] == std::byte{0xAA};
}

void nothing(SimDisk&) {}

// Far apart in the table, so that a write of it can be torn between them.
void two_partitions(SimDisk& disk) {
  Gpt gpt = must(Gpt::create(disk, some_id()));
  must(gpt.set(0, entry("boot", 2048, 4095)));
  must(gpt.set(90, entry("data", 6144, 8191)));
  must(gpt.write(disk));
}

// An image of 8 MiB was written to a larger disk: the backup is where the image ended.
void smaller_image(SimDisk& disk) {
  Power power;
  SimDisk image(power, 8 * kMiB);
  two_partitions(image);
  disk.fill(0, image.durable());
}

// As tools of old laid it out: the first partition right behind the table, so that there is no place for a second set of entries.
void no_room(SimDisk& disk) {
  constexpr std::uint64_t kFirst = 34;
  two_partitions(disk);
  for (const std::uint64_t at : {SimDisk::kSectorBytes, kDiskBytes - SimDisk::kSectorBytes}) {
    Bytes header(SimDisk::kSectorBytes);
    must(disk.read(at, header));
    put_le(header, 40, kFirst);
    put_le(header, 16, std::uint32_t{0});
    put_le(header, 16, crc32(ByteView(header).first(92)));
    must(disk.write(at, header));
  }
  Gpt gpt = must(Gpt::read(disk));
  must(gpt.set(1, entry("old", kFirst, 2047)));
  must(gpt.write(disk));
}

struct Start {
  const char* name;
  void (*prepare)(SimDisk&);
  SimDisk (*seen)(const SimDisk&);  // by what must find a whole table at every cut
};
void PrintTo(const Start& start, std::ostream* out) { *out << start.name; }

constexpr Start kStarts[] = {
    {"EmptyDisk", nothing, test::without_backup},
    {"TwoPartitions", two_partitions, test::without_backup},
    {"SmallerImage", smaller_image, test::without_backup},
    {"NoRoom", no_room, [](const SimDisk& disk) { return disk; }},
};

class PartitionCut : public ::testing::TestWithParam<Start> {};

TEST_P(PartitionCut, LeavesTheOldTableOrTheNew) {
  const Guid linux_type = must(partition_type("linux"));
  const std::vector<WantedPartition> wanted = {{.name = "boot", .type = linux_type, .size_bytes = 2 * kMiB},
                                               {.name = "data", .type = linux_type, .size_bytes = 2 * kMiB, .grow = true}};
  Power power;
  SimDisk disk(power, kDiskBytes);
  GetParam().prepare(disk);
  const std::string before = shown(disk);
  const auto work = [&](SimDisk& one) { must(partition_disk(one, wanted, Apply::yes, some_id)); };
  SimDisk changed(disk);
  work(changed);
  const std::string after = shown(changed);
  ASSERT_NE(before, after);
  const CutStory<SimDisk> story{
      .name = GetParam().name,
      .work = work,
      .judge =
          [&](SimDisk& cut) {
            const std::string found = shown(GetParam().seen(cut));
            EXPECT_TRUE(found == before || found == after) << found;
          },
      .done = [&](SimDisk& cut) { return shown(cut) == after && must(Gpt::read(cut)).is_sound() && has_protective_mbr(cut); }};
  CutSearch(story, power).run(disk, 2);
}

INSTANTIATE_TEST_SUITE_P(Disks, PartitionCut, ::testing::ValuesIn(kStarts), [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace aloft::storage
