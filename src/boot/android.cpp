#include "boot/android.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "base/crc32.hpp"
#include "base/errors.hpp"
#include "boot/errors.hpp"

namespace aloft::boot {
namespace {

constexpr std::size_t kRecordBytes = 32;
constexpr std::size_t kMagicAt = 4;
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kSlotCountAt = 9;
constexpr std::size_t kSlotsAt = 12;
constexpr std::size_t kCrcAt = 28;
constexpr std::uint32_t kMagic = 0x42414342;
constexpr unsigned kHighestPriority = 15;

struct Metadata {
  unsigned priority = 0;
  unsigned tries = 0;
  bool successful = false;
  bool corrupted = false;  // dm-verity found it so
};

unsigned byte_of(std::string_view record, std::size_t at) { return static_cast<unsigned char>(record[at]); }

Metadata metadata_of(std::string_view record, std::size_t slot) {
  const unsigned first = byte_of(record, kSlotsAt + 2 * slot);
  return {.priority = first & 15U,
          .tries = first >> 4U & 7U,
          .successful = first >> 7U != 0,
          .corrupted = (byte_of(record, kSlotsAt + 2 * slot + 1) & 1U) != 0};
}

void put(std::string& record, std::size_t slot, const Metadata& metadata) {
  record[kSlotsAt + 2 * slot] = static_cast<char>(metadata.priority | metadata.tries << 4U | (metadata.successful ? 0x80U : 0U));
  record[kSlotsAt + 2 * slot + 1] = static_cast<char>(metadata.corrupted ? 1 : 0);
}

std::uint32_t crc_of(std::string_view record) { return crc32(as_bytes(record.substr(0, kCrcAt))); }

bool is_valid(std::string_view sector) {
  return sector.size() >= kRecordBytes && load_le32(as_bytes(sector.substr(kCrcAt, 4))) == crc_of(sector) &&
         load_le32(as_bytes(sector.substr(kMagicAt, 4))) == kMagic && byte_of(sector, kVersionAt) <= 1;
}

std::string fresh_record() {
  std::string record(kRecordBytes, '\0');
  record[0] = 'a';
  store_le32(std::as_writable_bytes(std::span(record)).subspan(kMagicAt, 4), kMagic);
  record[kVersionAt] = 1;
  return record;
}

// U-Boot boots a slot that has tries left, whether it was successful or not.
SlotState slot_state(const std::string& name, const Metadata& metadata) {
  if (metadata.priority == 0 || metadata.tries == 0 || metadata.corrupted) return {name, SlotHealth::bad, 0};
  if (metadata.successful) return {name, SlotHealth::committed, 0};
  return {name, SlotHealth::trial, metadata.tries};
}

Result<> write_record(Region& region, std::string_view record) {
  std::string sector = TRY(region.read());
  if (sector.size() != kSectorBytes) return fail(kBootStateWrite, "the boot state's partition is too small");
  sector.replace(0, kRecordBytes, record);
  TRY(region.write(0, sector));
  if (TRY(region.read()) != sector) return fail(kBootStateWrite, "the slot metadata reads back differently than it was written");
  return {};
}

}  // namespace

Result<BootState> AndroidControl::load() {
  const std::string sector = TRY(record_->read());
  const std::string spare = backup_ ? backup_->read().value_or("") : "";
  record_valid_ = is_valid(sector);
  backup_valid_ = is_valid(spare);
  before_ = record_valid_ ? sector.substr(0, kRecordBytes) : backup_valid_ ? spare.substr(0, kRecordBytes) : fresh_record();
  if (!record_valid_ && !backup_valid_)
    return fail(kBootStateCorrupt, "there is no valid slot metadata in the misc partition; it has to be written anew");
  BootState state;
  std::vector<Metadata> metadata;
  for (std::size_t i = 0; i < slots().size(); ++i) {
    metadata.push_back(metadata_of(before_, i));
    state.order.push_back(slot_state(slots()[i], metadata.back()));
  }
  // As U-Boot compares them: priority, then success, then tries, then the number.
  std::vector<std::size_t> order(slots().size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, std::greater(),
                           [&](std::size_t i) { return std::tuple(metadata[i].priority, metadata[i].successful, metadata[i].tries); });
  BootState sorted;
  for (const std::size_t i : order) sorted.order.push_back(state.order[i]);
  // U-Boot begins a record that is lost anew, and valid: every slot on trial, also one that is half written.
  if (std::ranges::find(sorted.order, SlotHealth::committed, &SlotState::health) == sorted.order.end())
    return fail(kBootStateCorrupt,
                "the slot metadata in the misc partition names no slot that was successful, as after U-Boot began it anew because it was "
                "lost; it has to be written anew");
  return sorted;
}

Result<> AndroidControl::store(const BootState& state) {
  std::string record = before_;
  // Those behind the last that boots have no priority: that tells a slot that was taken out from one that used up its tries.
  std::size_t listed = 0;
  for (std::size_t i = 0; i < state.order.size(); ++i) {
    if (state.order[i].health != SlotHealth::bad) listed = i + 1;
  }
  for (std::size_t i = 0; i < state.order.size(); ++i) {
    const SlotState& slot = state.order[i];
    const auto index = static_cast<std::size_t>(std::ranges::find(slots(), slot.name) - slots().begin());
    Metadata metadata;
    if (i < listed) metadata.priority = kHighestPriority - static_cast<unsigned>(i);
    metadata.successful = slot.health == SlotHealth::committed;
    metadata.tries = metadata.successful ? kAndroidTries : slot.health == SlotHealth::trial ? slot.tries_left : 0;
    put(record, index, metadata);
  }
  const unsigned others = byte_of(record, kSlotCountAt) & ~7U;
  record[kSlotCountAt] = static_cast<char>(others | static_cast<unsigned>(slots().size()));
  store_le32(std::as_writable_bytes(std::span(record)).subspan(kCrcAt, 4), crc_of(record));
  TRY(write_record(*record_, record));
  // U-Boot would do this at the next boot. Until then a dead sector would bring an old state back.
  if (backup_) TRY(write_record(*backup_, record));
  return {};
}

Result<std::vector<std::string>> AndroidControl::examine(Probe probe) {
  const BootState state = TRY(load());
  std::vector<std::string> weak;
  if (!record_valid_) weak.emplace_back("the slot metadata is damaged, its backup is used; the next change writes it anew");
  if (backup_ && !backup_valid_) weak.emplace_back("the backup of the slot metadata is damaged; the next change writes it anew");
  TRY(record_->check_writable());
  if (probe == Probe::rewrite) TRY(store(state));
  return weak;
}

Result<std::unique_ptr<BootControl>> open_android(const Settings& settings, std::vector<std::string> slots) {
  if (slots.size() > kAndroidSlots) return fail(kBootSetting, "loader = \"android\" has room for four groups");
  const std::filesystem::path misc = settings.text("misc");
  const std::uint64_t offset = settings.number("offset");
  const std::uint64_t backup_offset = settings.number("backup_offset");
  for (const std::uint64_t each : {offset, backup_offset})
    if (each % kSectorBytes != 0) return fail(kBootSetting, "boot.offset and boot.backup_offset must be multiples of 512");
  if (offset == backup_offset) return fail(kBootSetting, "boot.offset and boot.backup_offset must differ");
  std::unique_ptr<Region> backup;
  if (backup_offset != 0) backup = std::make_unique<FileRegion>(misc, backup_offset, kSectorBytes);
  return std::make_unique<AndroidControl>(std::make_unique<FileRegion>(misc, offset, kSectorBytes), std::move(backup), std::move(slots));
}

}  // namespace aloft::boot
