// GUID partition tables (UEFI specification 2.10, section 5.3), read and rewritten so that no power cut leaves a disk without one.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "storage/block_device.hpp"

namespace aloft::storage {

using Guid = std::array<std::byte, 16>;          // as on the disk: the first three fields little-endian
Result<Guid> parse_guid(std::string_view text);  // "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", either case
std::string to_text(const Guid& guid);           // lower case

inline constexpr std::uint64_t kGptLegacyBoot = 1ULL << 2;  // attribute bit: the partition that a BIOS boot loader starts

struct GptEntry {
  Guid type{};  // all zeros: the entry is free
  Guid id{};
  std::uint64_t first = 0;  // sectors
  std::uint64_t last = 0;   // inclusive
  std::uint64_t attributes = 0;
  std::string name;  // ASCII; other characters are kept in the table as they are, and show as '?'
  bool is_free() const { return type == Guid{}; }
};

// One table, and the disk's own numbers around it. Plain data but for the raw entries, whose unknown bytes are kept.
class Gpt {
 public:
  // From the primary copy, or from the backup where the primary is damaged. Sectors of 512 or 4096 bytes. kNoTable when neither is good.
  static Result<Gpt> read(BlockDevice& disk);
  // A new, empty one over the whole disk, with 128 entries of 128 bytes. Nothing is written yet. kNoTable for a disk below 8 MiB.
  static Result<Gpt> create(const BlockDevice& disk, const Guid& disk_id);

  std::size_t entry_count() const { return entries_.size() / entry_bytes_; }
  GptEntry entry(std::size_t index) const;
  // kBadPartition for one outside the usable sectors, over another, or with a name that is longer than 36 characters or not ASCII.
  Result<> set(std::size_t index, const GptEntry& entry);
  std::uint64_t sector_bytes() const { return sector_bytes_; }
  std::uint64_t first_usable() const { return first_usable_; }
  std::uint64_t last_usable() const { return last_usable_; }
  // Both copies good and equal, the backup at the disk's end.
  bool is_sound() const { return sound_; }
  // For a disk that is larger than the table knows: the backup goes to its end.
  void fit_to(const BlockDevice& disk);

  // The backup first; then the primary's entries to where the present primary header does not look; then the protective MBR where the
  // first sector is zero; then, by one sector, the primary header. Flushed between, and read back. At every cut the primary is the old or
  // the new one, whole, where there is room for a second set of entries before the first partition (66 sectors: every tool of the last
  // years begins at 2048). Without that room the entries are rewritten in place, and a cut may leave only the backup. Where the room is
  // taken by what is neither zeros, erased flash (0xFF) nor an older table's entries, as by the boot loader of a board, or cannot be read,
  // nothing is written: kBadPartition.
  // Errors besides: the disk's, kReadBack.
  Result<> write(BlockDevice& disk);
  // write()'s error where it would find no room, before anything is written.
  Result<> find_room(BlockDevice& disk) const;

 private:
  Result<bool> load(BlockDevice& disk, std::uint64_t header_sector);
  Bytes header(std::uint64_t own, std::uint64_t other, std::uint64_t entries_at) const;
  std::uint64_t entry_sectors() const { return (entries_.size() + sector_bytes_ - 1) / sector_bytes_; }
  Result<> place(BlockDevice& disk, std::uint64_t sector, ByteView bytes) const;
  enum class Found : std::uint8_t { nothing, entries, something };  // never written; what an older table left; or neither
  Found found_at(BlockDevice& disk, std::uint64_t sector) const;
  Result<std::uint64_t> spare_place(BlockDevice& disk) const;
  std::uint64_t lowest_partition() const;

  std::uint64_t sector_bytes_ = 512;
  std::size_t entry_bytes_ = 128;
  Bytes entries_;
  Guid disk_id_{};
  std::uint64_t first_usable_ = 0;
  std::uint64_t last_usable_ = 0;
  std::uint64_t entries_at_ = 2;  // of the primary
  std::uint64_t backup_at_ = 0;   // the backup's header
  bool sound_ = false;
};

}  // namespace aloft::storage
