// A power cut at every write and flush of a partition table's change, of the switch between two boot partitions, and of a new boot loader
// in its two copies, whatever becomes of unflushed writes. What the first boot stage then finds must be the old or the new, whole.
#include <gtest/gtest.h>

#include <functional>

#include "base/log.hpp"
#include "bundle/test_bundle.hpp"
#include "storage/copy_pair.hpp"
#include "storage/gpt.hpp"
#include "storage/little_endian.hpp"
#include "storage/partition_pair.hpp"
#include "storage/sim_disk.hpp"
#include "storage/stream_installer.hpp"

namespace aloft::storage {
namespace {

using crypto::test::must;

constexpr std::uint64_t kDiskBytes = 8ULL << 20;
constexpr std::size_t kSector = 512;
constexpr TwoPartitions kNumbers{1, 2};

class Borrowed final : public BlockDevice {
 public:
  explicit Borrowed(SimDisk& disk) : disk_(disk) {}
  std::uint64_t size_bytes() const override { return disk_.size_bytes(); }
  Result<> read(std::uint64_t offset, MutableByteView buffer) override { return disk_.read(offset, buffer); }
  Result<> write(std::uint64_t offset, ByteView bytes) override { return disk_.write(offset, bytes); }
  Result<> flush() override { return disk_.flush(); }

 private:
  SimDisk& disk_;
};

// Runs `work` on a fresh disk again and again, cut at each of its operations in turn, and lets `judge` look at each outcome; then once more
// uncut, and `judge` must find it done.
class Campaign {
 public:
  std::function<void(SimDisk&)> prepare;
  std::function<void(SimDisk&)> work;
  std::function<void(SimDisk&)> judge;
  std::function<bool(SimDisk&)> done;

  std::uint64_t run() const {
    std::uint64_t states = 0;
    Power power;
    SimDisk fresh(power, kDiskBytes);
    prepare(fresh);
    for (std::uint64_t at = 1; !::testing::Test::HasFailure(); ++at) {
      SimDisk disk = fresh;
      if (!is_cut(power, disk, at)) {
        EXPECT_TRUE(done(disk));
        return states;
      }
      const std::size_t outcomes = disk.outcomes(Effort::thorough);
      for (std::size_t outcome = 0; outcome < outcomes && !::testing::Test::HasFailure(); ++outcome, ++states) {
        SimDisk after = disk;
        after.settle(outcome, Effort::thorough, at);
        judge(after);
        work(after);  // the power is back: the agent does it again
        judge(after);
        EXPECT_TRUE(done(after)) << "not finished after the next start";
        if (::testing::Test::HasFailure()) ADD_FAILURE() << "power cut at operation " << at << ", outcome " << outcome;
      }
    }
    return states;
  }

 private:
  bool is_cut(Power& power, SimDisk& disk, std::uint64_t at) const {
    power.cut_at(at);
    bool cut = false;
    try {
      work(disk);
    } catch (const PowerLost&) {
      cut = true;
    }
    power.cut_at(0);
    return cut;
  }
};

GptEntry entry(const std::string& name, std::uint64_t first, std::uint64_t last) {
  Guid type;
  type.fill(std::byte{7});
  Guid id;
  id.fill(static_cast<std::byte>(first % 251));
  return {.type = type, .id = id, .first = first, .last = last, .name = name};
}

void prepare_gpt(SimDisk& disk) {
  Guid id;
  id.fill(std::byte{3});
  Gpt gpt = must(Gpt::create(disk, id));
  must(gpt.set(0, entry("loader-a", 2048, 2559)));
  must(gpt.set(1, entry("loader-b", 2560, 3071)));
  must(gpt.write(disk));
  must(flag(disk, kNumbers, 0));
}

// Linux takes the backup only when told to on its command line, so the primary alone must do.
Gpt primary_of(SimDisk& disk) {
  Power power;
  SimDisk without_backup(power, kDiskBytes);
  without_backup.fill(0, disk.durable());
  without_backup.fill(kDiskBytes - kSector, Bytes(kSector));
  return must(Gpt::read(without_backup));
}

TEST(SwitchCut, APartitionIsAddedOrNot) {
  const Campaign campaign{
      .prepare = prepare_gpt,
      .work =
          [](SimDisk& disk) {
            Gpt gpt = must(Gpt::read(disk));
            must(gpt.set(2, entry("data", 4096, 8191)));
            must(gpt.write(disk));
          },
      .judge =
          [](SimDisk& disk) {
            const Gpt gpt = primary_of(disk);
            EXPECT_EQ(gpt.entry(0).name, "loader-a");
            EXPECT_EQ(gpt.entry(1).last, 3071U);
            EXPECT_TRUE(gpt.entry(2).is_free() || gpt.entry(2).last == 8191);
          },
      .done = [](SimDisk& disk) { return must(Gpt::read(disk)).is_sound() && must(Gpt::read(disk)).entry(2).name == "data"; }};
  std::printf("partition table: %llu crash states\n", static_cast<unsigned long long>(campaign.run()));
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

// A whole update of the loader: written to the partition that is not started, then switched.
TEST_P(BootPartition, IsTheOldOrTheNew) {
  const Bytes before = bundle::test::test_content(512 * kSector, 1);
  const Bytes after = bundle::test::test_content(512 * kSector, 2);
  const Waiting waiting{crypto::sha256(after), after.size()};
  const auto started = [](SimDisk& disk) {
    const PartitionPlace place = must(partition_place(disk, kNumbers.at(must(flagged(disk, kNumbers)))));
    Bytes content(place.size_bytes);
    must(disk.read(place.offset_bytes, content));
    return content;
  };
  const Campaign campaign{.prepare =
                              [&](SimDisk& disk) {
                                GetParam().prepare(disk);
                                disk.fill(2048 * kSector, before);
                              },
                          .work =
                              [&](SimDisk& disk) {
                                PartitionPair pair(std::make_unique<Borrowed>(disk), kNumbers);
                                if (switch_pair(pair, waiting)) return;  // written before the cut
                                const auto target = must(pair.open(1 - must(pair.active())));
                                must(target->device().write(0, after));
                                must(target->device().flush());
                                must(switch_pair(pair, waiting));
                              },
                          .judge =
                              [&](SimDisk& disk) {
                                const Bytes content = started(disk);
                                EXPECT_TRUE(content == before || content == after);
                              },
                          .done = [&](SimDisk& disk) { return started(disk) == after; }};
  std::printf("%s: %llu crash states\n", GetParam().name, static_cast<unsigned long long>(campaign.run()));
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
  const Campaign campaign{.prepare =
                              [&](SimDisk& disk) {
                                for (const std::uint64_t offset : places.offsets_bytes) disk.fill(offset, before);
                              },
                          .work =
                              [&](SimDisk& disk) {
                                CopyPair pair(std::make_unique<Borrowed>(disk), places);
                                const auto target = must(pair.open(1 - must(pair.active())));
                                must(target->device().write(kSector, ByteView(after).subspan(kSector)));
                                must(target->device().write(0, ByteView(after).first(kSector)));
                                must(target->device().flush());
                                must(target->finish({}));
                                must(switch_pair(pair, {crypto::sha256(after), after.size()}));
                              },
                          .judge =
                              [&](SimDisk& disk) {
                                const Bytes content = started(disk);
                                EXPECT_TRUE(content == before || content == after);
                              },
                          .done = [&](SimDisk& disk) { return started(disk) == after; }};
  std::printf("two copies: %llu crash states\n", static_cast<unsigned long long>(campaign.run()));
}

}  // namespace
}  // namespace aloft::storage
