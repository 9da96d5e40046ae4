#include "storage/gpt.hpp"

#include <algorithm>
#include <cctype>

#include "base/crc32.hpp"
#include "base/zeros.hpp"
#include "storage/errors.hpp"
#include "storage/little_endian.hpp"

namespace aloft::storage {
namespace {

constexpr std::string_view kSignature = "EFI PART";
constexpr std::uint32_t kRevision = 0x00010000;
constexpr std::uint32_t kHeaderBytes = 92;
constexpr std::size_t kMaxEntries = 1024;
constexpr std::size_t kMaxEntryBytes = 4096;
constexpr std::size_t kNewEntries = 128;
constexpr std::size_t kNameUnits = 36;
constexpr std::uint64_t kPrimary = 1;
constexpr std::uint64_t kReservedAttributes = 0x0000fffffffffff8;  // bits 3 to 47
constexpr std::size_t kProtectiveMbrBytes = 512;
constexpr std::array<int, 16> kTextOrder{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

std::uint32_t checksum_of_header(ByteView sector, std::uint32_t size) {
  Bytes copy(sector.begin(), sector.begin() + size);
  put_le<std::uint32_t>(copy, 16, 0);
  return crc32(copy);
}

// Flash that was erased and not written since reads as ones.
bool was_never_written(ByteView bytes) {
  return is_zero(bytes) || std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0xff}; });
}

}  // namespace

Result<Guid> parse_guid(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != '-') digits += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  const auto bytes = from_hex(digits);
  if (!bytes || bytes->size() != 16 || text.size() != 36) return fail(kBadPartition, "\"" + std::string(text) + "\" is no GUID");
  Guid guid;
  for (std::size_t i = 0; i < guid.size(); ++i) guid[static_cast<std::size_t>(kTextOrder[i])] = (*bytes)[i];
  return guid;
}

std::string to_text(const Guid& guid) {
  Bytes ordered;
  for (const int i : kTextOrder) ordered.push_back(guid[static_cast<std::size_t>(i)]);
  std::string text = to_hex(ordered);
  for (const std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, "-");
  return text;
}

GptEntry Gpt::entry(std::size_t index) const {
  const ByteView raw = ByteView(entries_).subspan(index * entry_bytes_, entry_bytes_);
  GptEntry entry;
  std::copy_n(raw.begin(), 16, entry.type.begin());
  std::copy_n(raw.begin() + 16, 16, entry.id.begin());
  entry.first = get_le<std::uint64_t>(raw, 32);
  entry.last = get_le<std::uint64_t>(raw, 40);
  entry.attributes = get_le<std::uint64_t>(raw, 48);
  for (std::size_t unit = 0; unit < kNameUnits; ++unit) {
    const auto value = get_le<std::uint16_t>(raw, 56 + 2 * unit);
    if (value == 0) break;
    entry.name += value < 0x80 ? static_cast<char>(value) : '?';
  }
  return entry;
}

Result<> Gpt::set(std::size_t index, const GptEntry& wanted) {
  const auto bad = [&](const std::string& why) { return fail(kBadPartition, "partition '" + wanted.name + "' " + why); };
  if (index >= entry_count()) return bad("has no place in the table");
  if (!wanted.is_free()) {
    if (wanted.first < first_usable_ || wanted.last > last_usable_ || wanted.first > wanted.last)
      return bad("does not lie within the disk");
    if (wanted.name.size() > kNameUnits || !std::ranges::all_of(wanted.name, [](char c) { return c >= ' ' && c < 0x7f; }))
      return bad("must have a name of at most 36 ASCII characters");
    for (std::size_t other = 0; other < entry_count(); ++other) {
      const GptEntry there = entry(other);
      if (other != index && !there.is_free() && wanted.first <= there.last && there.first <= wanted.last)
        return bad("lies over '" + there.name + "'");
    }
  }
  const bool same_name = entry(index).name == wanted.name;
  const MutableByteView raw = MutableByteView(entries_).subspan(index * entry_bytes_, entry_bytes_);
  std::ranges::copy(wanted.type, raw.begin());
  std::ranges::copy(wanted.id, raw.begin() + 16);
  put_le(raw, 32, wanted.first);
  put_le(raw, 40, wanted.last);
  put_le(raw, 48, wanted.attributes);
  for (std::size_t unit = 0; unit < kNameUnits && !same_name; ++unit) {
    put_le<std::uint16_t>(raw, 56 + 2 * unit, unit < wanted.name.size() ? static_cast<std::uint16_t>(wanted.name[unit]) : std::uint16_t{0});
  }
  return {};
}

// Whether a good header stands in the sector, with entries that match it. Takes everything over when it does.
Result<bool> Gpt::load(BlockDevice& disk, std::uint64_t header_sector) {
  const std::uint64_t sectors = disk.size_bytes() / sector_bytes_;
  if (header_sector >= sectors) return false;
  Bytes sector(sector_bytes_);
  TRY(disk.read(header_sector * sector_bytes_, sector));
  if (!std::ranges::equal(ByteView(sector).first(8), as_bytes(kSignature))) return false;
  const auto size = get_le<std::uint32_t>(sector, 12);
  if (size < kHeaderBytes || size > sector_bytes_ || checksum_of_header(sector, size) != get_le<std::uint32_t>(sector, 16)) return false;
  if (get_le<std::uint64_t>(sector, 24) != header_sector) return false;
  const auto entries_at = get_le<std::uint64_t>(sector, 72);
  const std::size_t count = get_le<std::uint32_t>(sector, 80);
  const std::size_t entry_bytes = get_le<std::uint32_t>(sector, 84);
  if (count == 0 || count > kMaxEntries || entry_bytes < 128 || entry_bytes > kMaxEntryBytes || entry_bytes % 8 != 0) return false;
  const std::uint64_t needed = (count * entry_bytes + sector_bytes_ - 1) / sector_bytes_;
  if (entries_at >= sectors || needed > sectors - entries_at) return false;
  Bytes entries(needed * sector_bytes_);
  TRY(disk.read(entries_at * sector_bytes_, entries));
  entries.resize(count * entry_bytes);
  if (crc32(entries) != get_le<std::uint32_t>(sector, 88)) return false;
  const auto first_usable = get_le<std::uint64_t>(sector, 40);
  const auto last_usable = get_le<std::uint64_t>(sector, 48);
  const bool primary = header_sector == kPrimary;
  const std::uint64_t backup_at = primary ? get_le<std::uint64_t>(sector, 32) : header_sector;
  if (first_usable > last_usable || last_usable >= sectors || backup_at >= sectors || backup_at <= needed) return false;
  if (last_usable >= backup_at - needed) return false;
  if (primary ? entries_at < 2 || entries_at > first_usable || needed > first_usable - entries_at : entries_at <= last_usable) return false;
  entries_ = std::move(entries);
  entry_bytes_ = entry_bytes;
  std::copy_n(sector.begin() + 56, 16, disk_id_.begin());
  first_usable_ = first_usable;
  last_usable_ = last_usable;
  if (primary) entries_at_ = entries_at;
  backup_at_ = backup_at;
  return true;
}

Result<Gpt> Gpt::read(BlockDevice& disk) {
  for (const std::uint64_t sector_bytes : {512U, 4096U}) {
    Gpt primary;
    primary.sector_bytes_ = sector_bytes;
    Gpt backup = primary;
    if (disk.size_bytes() < 70 * sector_bytes) continue;
    const std::uint64_t end = disk.size_bytes() / sector_bytes - 1;
    if (TRY(primary.load(disk, kPrimary))) {
      const bool same = TRY(backup.load(disk, primary.backup_at_)) && backup.entries_ == primary.entries_;
      primary.sound_ = same && primary.backup_at_ == end;
      return primary;
    }
    if (TRY(backup.load(disk, end))) return backup;
  }
  return fail(kNoTable, "the disk has no GUID partition table, or both copies of it are damaged");
}

Result<Gpt> Gpt::create(const BlockDevice& disk, const Guid& disk_id) {
  Gpt gpt;
  gpt.entries_.resize(kNewEntries * gpt.entry_bytes_);
  gpt.disk_id_ = disk_id;
  if (disk.size_bytes() < 8ULL << 20) return fail(kNoTable, "a disk below 8 MiB gets no partition table");
  gpt.first_usable_ = 2048;
  gpt.fit_to(disk);
  return gpt;
}

void Gpt::fit_to(const BlockDevice& disk) {
  const std::uint64_t end = disk.size_bytes() / sector_bytes_ - 1;
  if (end <= backup_at_) return;
  backup_at_ = end;
  last_usable_ = end - entry_sectors() - 1;
  sound_ = false;
}

std::uint64_t Gpt::lowest_partition() const {
  std::uint64_t lowest = last_usable_;
  for (std::size_t index = 0; index < entry_count(); ++index) {
    if (const GptEntry one = entry(index); !one.is_free()) lowest = std::min(lowest, one.first);
  }
  return lowest;
}

// What stands where a table's entries might be put. Boards keep boot loaders between the table and the first partition, where their ROM
// looks for them, and no table tells. What cannot be read may be one.
Gpt::Found Gpt::found_at(BlockDevice& disk, std::uint64_t sector) const {
  Bytes there(entry_sectors() * sector_bytes_);
  if (!disk.read(sector * sector_bytes_, there)) return Found::something;
  Found found = Found::nothing;
  for (std::size_t at = 0; at + entry_bytes_ <= there.size(); at += entry_bytes_) {
    const ByteView raw = ByteView(there).subspan(at, entry_bytes_);
    if (was_never_written(raw)) continue;
    const bool typed = !is_zero(raw.first(16));
    const auto first = get_le<std::uint64_t>(raw, 32);
    const auto last = get_le<std::uint64_t>(raw, 40);
    const bool reserved = (get_le<std::uint64_t>(raw, 48) & kReservedAttributes) != 0;
    if (!typed || first > last || last >= disk.size_bytes() / sector_bytes_ || reserved) return Found::something;
    found = Found::entries;
  }
  return found;
}

// Where the present header does not look: where it looked before, so that two places take turns, or a place beside. In place where there is
// no room below the first partition.
Result<std::uint64_t> Gpt::spare_place(BlockDevice& disk) const {
  const std::uint64_t size = entry_sectors();
  const std::uint64_t behind = entries_at_ + size;
  const std::uint64_t before = entries_at_ - std::min(size, entries_at_);
  bool room = false;
  std::optional<std::uint64_t> empty;
  for (const std::uint64_t place : {before == 2 ? before : behind, behind, before, std::uint64_t{2}, 2 + size}) {
    const bool apart = place + size <= entries_at_ || place >= entries_at_ + size;
    if (place < 2 || !apart || place + size > lowest_partition()) continue;
    room = true;
    const Found found = found_at(disk, place);
    if (found == Found::entries) return place;
    if (found == Found::nothing && !empty) empty = place;
  }
  if (!room) return entries_at_;
  if (empty) return *empty;
  return fail(kBadPartition,
              "the partition table cannot be written safely: the sectors below the first partition that a second set of its " +
                  std::to_string(size) +
                  " sectors needs hold something else, perhaps a boot loader, or cannot be read; nothing was written");
}

Result<> Gpt::find_room(BlockDevice& disk) const {
  TRY(spare_place(disk));
  return {};
}

Bytes Gpt::header(std::uint64_t own, std::uint64_t other, std::uint64_t entries_at) const {
  Bytes sector(sector_bytes_);
  std::ranges::copy(as_bytes(kSignature), sector.begin());
  put_le(sector, 8, kRevision);
  put_le(sector, 12, kHeaderBytes);
  put_le(sector, 24, own);
  put_le(sector, 32, other);
  put_le(sector, 40, first_usable_);
  put_le(sector, 48, last_usable_);
  std::ranges::copy(disk_id_, sector.begin() + 56);
  put_le(sector, 72, entries_at);
  put_le(sector, 80, static_cast<std::uint32_t>(entry_count()));
  put_le(sector, 84, static_cast<std::uint32_t>(entry_bytes_));
  put_le(sector, 88, crc32(entries_));
  put_le(sector, 16, checksum_of_header(sector, kHeaderBytes));
  return sector;
}

Result<> Gpt::place(BlockDevice& disk, std::uint64_t sector, ByteView bytes) const {
  Bytes whole(bytes.begin(), bytes.end());
  whole.resize((whole.size() + sector_bytes_ - 1) / sector_bytes_ * sector_bytes_);
  TRY(disk.write(sector * sector_bytes_, whole));
  TRY(disk.flush());
  Bytes back(whole.size());
  TRY(disk.read(sector * sector_bytes_, back));
  if (back == whole) return {};
  return fail(kReadBack, "the partition table reads back differently than it was written; the disk may be failing");
}

// One partition of type 0xEE over the disk (section 5.2.3), so that tools that know only MBR see that it is taken.
Bytes protective_mbr(std::uint64_t sectors) {
  Bytes sector(kProtectiveMbrBytes);
  sector[446 + 2] = std::byte{2};
  sector[446 + 4] = std::byte{0xEE};
  std::ranges::fill(MutableByteView(sector).subspan(446 + 5, 3), std::byte{0xFF});
  put_le<std::uint32_t>(sector, 446 + 8, 1);
  put_le<std::uint32_t>(sector, 446 + 12, static_cast<std::uint32_t>(std::min<std::uint64_t>(sectors - 1, UINT32_MAX)));
  put_le<std::uint16_t>(sector, 510, 0xAA55);
  return sector;
}

Result<> Gpt::write(BlockDevice& disk) {
  Bytes first(kProtectiveMbrBytes);
  TRY(disk.read(0, first));
  const std::uint64_t spare = TRY(spare_place(disk));
  first_usable_ = std::max(first_usable_, std::min(spare + entry_sectors(), lowest_partition()));
  const std::uint64_t backup_entries = backup_at_ - entry_sectors();
  TRY(place(disk, backup_entries, entries_));
  TRY(place(disk, backup_at_, header(backup_at_, kPrimary, backup_entries)));
  TRY(place(disk, spare, entries_));
  // Not before there is a backup: a disk with this record alone would not be taken for one without a table.
  if (first == Bytes(kProtectiveMbrBytes)) TRY(place(disk, 0, protective_mbr(disk.size_bytes() / sector_bytes_)));
  TRY(place(disk, kPrimary, header(kPrimary, backup_at_, spare)));
  entries_at_ = spare;
  sound_ = true;
  return {};
}

}  // namespace aloft::storage
