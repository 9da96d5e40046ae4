// A power cut at every write and flush of a new boot loader, in one of two partitions, in one of two boot areas of an eMMC, and in its two
// copies, and of the switch to it, whatever becomes of unflushed writes; and again while that is made up for. What the first boot stage
// then finds must be the old or the new, whole.
#include <gtest/gtest.h>

#include "base/log.hpp"
#include "bundle/test_bundle.hpp"
#include "storage/copy_pair.hpp"
#include "storage/emmc.hpp"
#include "storage/little_endian.hpp"
#include "storage/partition_pair.hpp"
#include "storage/test_card.hpp"
#include "storage/test_cut_search.hpp"
#include "storage/test_gpt.hpp"

namespace aloft::storage {
namespace {

using crypto::test::must;
using test::Borrowed;
using test::CutSearch;
using test::CutStory;

constexpr std::size_t kSector = 512;
constexpr TwoPartitions kNumbers{1, 2};

// A new loader is written to where it is not started from, unless that was done before a cut; then it is switched to.
void update(Pair& pair, const Bytes& loader) {
  const Waiting waiting{crypto::sha256(loader), loader.size()};
  if (switch_pair(pair, waiting)) return;
  const auto target = must(pair.open(1 - must(pair.active())));
  must(target->device().write(0, loader));
  must(target->device().flush());
  must(target->finish({}));
  must(switch_pair(pair, waiting));
}

// What is started, by whatever starts it, is the old loader or the new one, and the new one in the end.
template <typename Device>
CutStory<Device> story_of(const char* name, std::function<void(Device&)> work, std::function<Bytes(Device&)> started, const Bytes& before,
                          const Bytes& after) {
  return {.name = name,
          .work = std::move(work),
          .judge =
              [=](Device& device) {
                const Bytes content = started(device);
                EXPECT_TRUE(content == before || content == after);
              },
          .done = [=](Device& device) { return started(device) == after; }};
}

void prepare_gpt(SimDisk& disk) {
  Gpt gpt = must(Gpt::create(disk, Guid{std::byte{3}}));
  must(gpt.set(0, {.type = {std::byte{7}}, .id = {std::byte{1}}, .first = 2048, .last = 2559, .attributes = 0, .name = "loader-a"}));
  must(gpt.set(1, {.type = {std::byte{7}}, .id = {std::byte{2}}, .first = 2560, .last = 3071, .attributes = 0, .name = "loader-b"}));
  must(gpt.write(disk));
  must(flag(disk, kNumbers, 0));
}

void prepare_mbr(SimDisk& disk) {
  Bytes sector(kSector);
  for (const unsigned number : kNumbers) {
    const std::size_t at = 446 + (number - 1) * 16;
    sector[at + 4] = std::byte{0x0c};
    put_le<std::uint32_t>(sector, at + 8, 2048 + (number - 1) * 512);
    put_le<std::uint32_t>(sector, at + 12, 512);
  }
  sector[446] = std::byte{0x80};
  put_le<std::uint16_t>(sector, 510, 0xAA55);
  disk.fill(0, sector);
}

struct Table {
  const char* name;
  void (*prepare)(SimDisk&);
};
void PrintTo(const Table& table, std::ostream* out) { *out << table.name; }

class BootPartition : public ::testing::TestWithParam<Table> {};

TEST_P(BootPartition, IsTheOldOrTheNew) {
  const Bytes before = bundle::test::test_content(512 * kSector, 1);
  const Bytes after = bundle::test::test_content(512 * kSector, 2);
  const auto started = [](const SimDisk& whole) {
    SimDisk disk = test::without_backup(whole);
    const PartitionPlace place = must(partition_place(disk, kNumbers.at(must(flagged(disk, kNumbers)))));
    Bytes content(place.size_bytes);
    must(disk.read(place.offset_bytes, content));
    return content;
  };
  const auto story = story_of<SimDisk>(
      GetParam().name,
      [&](SimDisk& disk) {
        PartitionPair pair(std::make_unique<Borrowed>(disk), kNumbers);
        update(pair, after);
      },
      started, before, after);
  Power power;
  SimDisk disk(power, 8 * test::kMiB);
  GetParam().prepare(disk);
  disk.fill(2048 * kSector, before);
  CutSearch(story, power).run(disk, 2);
}

INSTANTIATE_TEST_SUITE_P(Tables, BootPartition, ::testing::Values(Table{"Mbr", prepare_mbr}, Table{"Gpt", prepare_gpt}),
                         [](const auto& tested) { return tested.param.name; });

TEST(SwitchCut, OneOfTwoCopiesIsComplete) {
  log::set_level(log::Level::error);
  constexpr std::size_t kLoader = 40'000;
  const CopyPlaces places{.offsets_bytes = {65536, 1ULL << 20}, .size_bytes = 65536};
  const Bytes before = bundle::test::test_content(kLoader, 1);
  const Bytes after = bundle::test::test_content(kLoader, 2);
  // The ROM: the first copy with a header, and it trusts that header.
  const auto started = [&](SimDisk& disk) {
    Bytes content(kLoader);
    for (const std::uint64_t offset : places.offsets_bytes) {
      must(disk.read(offset, content));
      if (content[0] != std::byte{0}) break;
    }
    return content;
  };
  const auto story = story_of<SimDisk>(
      "two copies",
      [&](SimDisk& disk) {
        CopyPair pair(std::make_unique<Borrowed>(disk), places);
        update(pair, after);
      },
      started, before, after);
  Power power;
  SimDisk disk(power, 2ULL << 20);
  for (const std::uint64_t offset : places.offsets_bytes) disk.fill(offset, before);
  CutSearch(story, power).run(disk, 2);
}

TEST(SwitchCut, OneOfTwoBootAreasIsEnabled) {
  const Bytes before = bundle::test::test_content(100'000, 1);
  const Bytes after = bundle::test::test_content(100'000, 2);
  const auto started = [&](test::SimCard& card) {
    EXPECT_EQ(card.partition_config() & ~test::SimCard::kBootEnable, 0x41) << "other bits changed";
    Bytes content(before.size());
    must(card.enabled().read(0, content));
    return content;
  };
  test::CardHost host;
  const auto story = story_of<test::SimCard>(
      "boot areas of an eMMC",
      [&](test::SimCard& card) {
        EmmcPair pair = host.pair(card);
        update(pair, after);
      },
      started, before, after);
  Power power;
  test::SimCard card(power, 0x49);  // BOOT_ACK, the first boot area, access to the first
  card.area(0).fill(0, before);
  CutSearch(story, power).run(card, 2);
}

}  // namespace
}  // namespace aloft::storage
