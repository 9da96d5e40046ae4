#include "storage/boot_flag.hpp"

#include "storage/errors.hpp"
#include "storage/gpt.hpp"
#include "storage/little_endian.hpp"

namespace aloft::storage {
namespace {

// The master boot record: four entries of 16 bytes at 446, the mark 0x55 0xAA at 510.
constexpr std::size_t kMbrBytes = 512;
constexpr std::size_t kMbrEntries = 446;
constexpr std::size_t kMbrEntryBytes = 16;
constexpr unsigned kMbrCount = 4;
constexpr std::byte kActive{0x80};
constexpr std::byte kProtective{0xEE};

std::size_t entry_at(unsigned number) { return kMbrEntries + (number - 1) * kMbrEntryBytes; }

std::unexpected<Error> no_partition(unsigned number) {
  return fail(kBadPartition, "the disk has no partition " + std::to_string(number) + "; check the slot in system.toml");
}

// The record, where the disk is partitioned by it alone.
Result<std::optional<Bytes>> read_mbr(BlockDevice& disk) {
  Bytes sector(kMbrBytes);
  TRY(disk.read(0, sector));
  if (get_le<std::uint16_t>(sector, 510) != 0xAA55) return fail(kNoTable, "the disk has no partition table");
  for (unsigned number = 1; number <= kMbrCount; ++number) {
    if (sector[entry_at(number) + 4] == kProtective) return std::optional<Bytes>();
  }
  return std::optional<Bytes>(std::move(sector));
}

Result<> check_mbr(const Bytes& mbr, unsigned number) {
  if (number < 1 || number > kMbrCount || get_le<std::uint32_t>(mbr, entry_at(number) + 12) == 0) return no_partition(number);
  return {};
}

Result<GptEntry> gpt_entry(const Gpt& gpt, unsigned number) {
  if (number < 1 || number > gpt.entry_count() || gpt.entry(number - 1).is_free()) return no_partition(number);
  return gpt.entry(number - 1);
}

unsigned only_second(bool first, bool second) { return second && !first ? 1 : 0; }

Result<> flag_mbr(BlockDevice& disk, Bytes mbr, const TwoPartitions& numbers, unsigned which) {
  for (unsigned number = 1; number <= kMbrCount; ++number) mbr[entry_at(number)] = number == numbers.at(which) ? kActive : std::byte{0};
  TRY(disk.write(0, mbr));
  TRY(disk.flush());
  Bytes back(kMbrBytes);
  TRY(disk.read(0, back));
  if (back == mbr) return {};
  return fail(kReadBack, "the boot flag reads back differently than it was written; the disk may be failing");
}

}  // namespace

Result<unsigned> flagged(BlockDevice& disk, const TwoPartitions& numbers) {
  if (const auto mbr = TRY(read_mbr(disk))) {
    for (const unsigned number : numbers) TRY(check_mbr(*mbr, number));
    return only_second((*mbr)[entry_at(numbers[0])] == kActive, (*mbr)[entry_at(numbers[1])] == kActive);
  }
  const Gpt gpt = TRY(Gpt::read(disk));
  const GptEntry first = TRY(gpt_entry(gpt, numbers[0]));
  const GptEntry second = TRY(gpt_entry(gpt, numbers[1]));
  return only_second((first.attributes & kGptLegacyBoot) != 0, (second.attributes & kGptLegacyBoot) != 0);
}

Result<> flag(BlockDevice& disk, const TwoPartitions& numbers, unsigned which) {
  if (auto mbr = TRY(read_mbr(disk))) {
    for (const unsigned number : numbers) TRY(check_mbr(*mbr, number));
    return flag_mbr(disk, *std::move(mbr), numbers, which);
  }
  Gpt gpt = TRY(Gpt::read(disk));
  for (unsigned i = 0; i < numbers.size(); ++i) {
    GptEntry entry = TRY(gpt_entry(gpt, numbers.at(i)));
    entry.attributes = i == which ? entry.attributes | kGptLegacyBoot : entry.attributes & ~kGptLegacyBoot;
    TRY(gpt.set(numbers.at(i) - 1, entry));
  }
  return gpt.write(disk);
}

Result<> can_flag(BlockDevice& disk) {
  if (TRY(read_mbr(disk))) return {};
  return TRY(Gpt::read(disk)).find_room(disk);
}

Result<PartitionPlace> partition_place(BlockDevice& disk, unsigned number) {
  if (const auto mbr = TRY(read_mbr(disk))) {
    TRY(check_mbr(*mbr, number));
    return PartitionPlace{std::uint64_t{get_le<std::uint32_t>(*mbr, entry_at(number) + 8)} * kMbrBytes,
                          std::uint64_t{get_le<std::uint32_t>(*mbr, entry_at(number) + 12)} * kMbrBytes};
  }
  const Gpt gpt = TRY(Gpt::read(disk));
  const GptEntry entry = TRY(gpt_entry(gpt, number));
  return PartitionPlace{entry.first * gpt.sector_bytes(), (entry.last - entry.first + 1) * gpt.sector_bytes()};
}

}  // namespace aloft::storage
