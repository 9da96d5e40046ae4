#include "storage/slot.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.hpp"
#include "bundle/reader.hpp"
#include "storage/device_name.hpp"
#include "storage/emmc.hpp"
#include "storage/errors.hpp"
#include "storage/file_device.hpp"
#include "storage/file_target.hpp"
#include "storage/flash_slot.hpp"
#include "storage/grown_target.hpp"
#include "storage/handler.hpp"
#include "storage/mender_module.hpp"
#include "storage/partition_pair.hpp"
#include "storage/tree_target.hpp"

namespace aloft::storage {
namespace {

Result<Target> open_block(const SlotSpec& slot) { return device_target(TRY(FileDevice::open(slot.device))); }

Result<Target> open_grown(const SlotSpec& slot) {
  if (!slot.resize) return open_block(slot);
  return std::make_unique<GrownTarget>(TRY(FileDevice::open(slot.device)), slot.device);
}

Result<Target> open_tree(const SlotSpec& slot) {
  const FileSystemKind& kind = *find_file_system(slot.type);
  TRY(check_unused(slot.device));
  const TreePolicy policy{.unix_metadata = kind.unix_metadata, .device_nodes = slot.device_nodes};
  return std::make_unique<TreeTarget>(std::make_unique<DeviceVolume>(slot.device, kind, slot.mkfs_options), policy);
}

Result<Target> open_file_slot(const SlotSpec& slot) {
  std::unique_ptr<Volume> volume;
  if (!slot.device.empty())
    volume = std::make_unique<DeviceVolume>(slot.device, *find_file_system(slot.filesystem), std::vector<std::string>());
  return std::make_unique<FileTarget>(std::move(volume), slot.path, slot.mode, slot.single ? OnFat::refuse : OnFat::write_in_place);
}

Result<std::unique_ptr<Pair>> partition_pair(const SlotSpec& slot) {
  return std::make_unique<PartitionPair>(TRY(FileDevice::open(slot.device, Claim::shared)), slot.partitions);
}

Result<std::unique_ptr<Pair>> copy_pair(const SlotSpec& slot) {
  return std::make_unique<CopyPair>(TRY(FileDevice::open(slot.device, Claim::shared)), slot.copies);
}

Result<std::unique_ptr<Pair>> emmc_pair(const SlotSpec& slot) { return std::make_unique<EmmcPair>(slot.device, system_ioctl()); }

Result<Target> open_partition_pair(const SlotSpec& slot) { return open_inactive(TRY(partition_pair(slot))); }
Result<Target> open_copy_pair(const SlotSpec& slot) { return open_inactive(TRY(copy_pair(slot))); }
Result<Target> open_emmc_pair(const SlotSpec& slot) { return open_inactive(TRY(emmc_pair(slot))); }

Result<> switch_partition(const SlotSpec& slot, const Waiting& waiting) { return switch_pair(*TRY(partition_pair(slot)), waiting); }
Result<> switch_copies(const SlotSpec& slot, const Waiting& waiting) { return switch_pair(*TRY(copy_pair(slot)), waiting); }
Result<> switch_emmc(const SlotSpec& slot, const Waiting& waiting) { return switch_pair(*TRY(emmc_pair(slot)), waiting); }

HandlerSpec handler_of(const SlotSpec& slot) {
  return {.program = slot.program, .slot_class = slot.slot_class, .device = slot.device, .timeout = slot.timeout};
}

ModuleSpec module_of(const SlotSpec& slot) {
  ModuleSpec module{.module = slot.program, .tree = slot.work_folder};
  module.device_type = slot.device_type;
  module.timeout = slot.timeout;
  return module;
}

Result<Target> open_handler(const SlotSpec& slot) { return std::make_unique<HandlerTarget>(handler_of(slot)); }
Result<> commit_handler(const SlotSpec& slot, const Waiting&) { return call_handler(handler_of(slot), "commit"); }
Result<> give_up_handler(const SlotSpec& slot) { return call_handler(handler_of(slot), "rollback"); }
Result<Target> open_module(const SlotSpec& slot) { return std::make_unique<ModuleTarget>(module_of(slot)); }
Result<> commit_module(const SlotSpec& slot, const Waiting&) { return Module(module_of(slot)).commit(); }
Result<> give_up_module(const SlotSpec& slot) { return Module(module_of(slot)).give_up(); }

// With the device's path in the place of its name.
Result<SlotSpec> found(const SlotSpec& slot) {
  SlotSpec with_path = slot;
  if (!slot.device.empty()) with_path.device = TRY(find_device(slot.device)).string();
  return with_path;
}

Result<Target> open_flash(const SlotSpec& slot) { return TRY(mtd_target(slot.device)); }
Result<Target> open_ubi(const SlotSpec& slot) { return TRY(ubi_target(slot.device, UbiContent::any)); }
Result<Target> open_ubifs(const SlotSpec& slot) { return TRY(ubi_target(slot.device, UbiContent::ubifs)); }
Result<Target> open_ubi_pair(const SlotSpec& slot) { return TRY(ubi_pair_target(slot.device)); }

Result<> switch_ubi_pairs(std::span<const DueSlot> due) {
  std::vector<UbiDue> volumes;
  for (const DueSlot& one : due) volumes.push_back({TRY(find_device(one.slot->device)), one.content});
  return switch_ubi_pairs(volumes);
}
Result<> switch_ubi_pair(const SlotSpec& slot, const Waiting& waiting) {
  return switch_ubi_pairs(std::vector<UbiDue>{{slot.device, waiting}});
}

// Of each place, where a slot has two, or is not measured as a block device is.
Result<std::optional<std::uint64_t>> place_size_bytes(const SlotSpec& slot) {
  if (slot.type == "mtd") return TRY(mtd_space(slot.device)).good_bytes;
  if (slot.type == "ubi" || slot.type == "ubi-pair") return TRY(ubi_slot_volume(slot.device)).volume.capacity_bytes;
  if (slot.type == "raw-pair") return slot.copies.size_bytes;
  if (slot.type == "boot-emmc") return TRY(TRY(emmc_pair(slot))->open(1))->device().size_bytes();
  if (slot.type != "boot-partition") return std::nullopt;
  const std::unique_ptr<FileDevice> disk = TRY(FileDevice::open(slot.device, Claim::shared));
  std::uint64_t smaller = UINT64_MAX;
  for (const unsigned number : slot.partitions) smaller = std::min(smaller, TRY(partition_place(*disk, number)).size_bytes);
  return smaller;
}

constexpr Nature R = Nature::random_access;
constexpr Nature S = Nature::stream;

// clang-format off
constexpr SlotRow kSlotTable[] = {
    // image     slot              nature opened by            at the commit     when given up    all as one
    {"raw",     "raw",            R,     open_block},
    {"raw",     "ext4",           R,     open_grown},
    {"raw",     "vfat",           R,     open_block},
    {"raw",     "btrfs",          R,     open_block},
    {"tar",     "ext4",           S,     open_tree},
    {"tar",     "vfat",           S,     open_tree},
    {"tar",     "btrfs",          S,     open_tree},
    {"file",    "file",           S,     open_file_slot},
    {"raw",     "boot-partition", R,     open_partition_pair,  switch_partition},
    {"raw",     "boot-emmc",      R,     open_emmc_pair,       switch_emmc},
    {"raw",     "raw-pair",       R,     open_copy_pair,       switch_copies},
    {"raw",     "mtd",            S,     open_flash},
    {"raw",     "ubi",            S,     open_ubi},
    {"ubifs",   "ubi",            S,     open_ubifs},
    {"raw",     "ubi-pair",       S,     open_ubi_pair,        switch_ubi_pair,  nullptr,         switch_ubi_pairs},
    {"raw",     "handler",        S,     open_handler,         commit_handler,   give_up_handler},
    {"tar",     "handler",        S,     open_handler,         commit_handler,   give_up_handler},
    {"file",    "handler",        S,     open_handler,         commit_handler,   give_up_handler},
    {"ubifs",   "handler",        S,     open_handler,         commit_handler,   give_up_handler},
    {"payload", "handler",        S,     open_handler,         commit_handler,   give_up_handler},
    {"tar",     "mender-module",  S,     open_module,          commit_module,    give_up_module},
};
// clang-format on

}  // namespace

std::span<const SlotRow> slot_table() { return kSlotTable; }

bool is_slot_type(std::string_view slot_type) {
  return std::ranges::find(kSlotTable, slot_type, &SlotRow::slot_type) != std::end(kSlotTable);
}

std::string slot_types() {
  std::string text;
  std::vector<std::string_view> named;
  for (const SlotRow& row : kSlotTable) {
    if (std::ranges::find(named, row.slot_type) != named.end()) continue;
    named.push_back(row.slot_type);
    text += (text.empty() ? "" : ", ") + std::string(row.slot_type);
  }
  return text;
}

std::vector<std::string> image_types_of(std::string_view slot_type) {
  std::vector<std::string> types;
  for (const SlotRow& row : kSlotTable) {
    if (row.slot_type == slot_type) types.emplace_back(row.image_type);
  }
  return types;
}

bool is_streamed(std::string_view image_type, std::string_view slot_type) {
  return std::ranges::any_of(kSlotTable, [&](const SlotRow& row) {
    return row.image_type == image_type && row.slot_type == slot_type && row.nature == Nature::stream;
  });
}

bool waits_for_commit(std::string_view slot_type) {
  const auto row = std::ranges::find(kSlotTable, slot_type, &SlotRow::slot_type);
  return row != std::end(kSlotTable) && row->commit != nullptr;
}

bool must_commit(std::string_view slot_type) {
  const auto row = std::ranges::find(kSlotTable, slot_type, &SlotRow::slot_type);
  return row != std::end(kSlotTable) && row->commit != nullptr && row->give_up == nullptr;
}

Result<> commit_slot(const SlotSpec& slot, const Waiting& waiting) {
  const auto row = std::ranges::find(kSlotTable, slot.type, &SlotRow::slot_type);
  if (row == std::end(kSlotTable) || row->commit == nullptr) return {};
  return row->commit(TRY(found(slot)), waiting);
}

bool commits_together(std::string_view slot_type) {
  const auto row = std::ranges::find(kSlotTable, slot_type, &SlotRow::slot_type);
  return row != std::end(kSlotTable) && row->commit_all != nullptr;
}

Result<> commit_slots(std::span<const DueSlot> due) {
  if (due.empty()) return {};
  return std::ranges::find(kSlotTable, due.front().slot->type, &SlotRow::slot_type)->commit_all(due);
}

Result<> give_up_slot(const SlotSpec& slot) {
  const auto row = std::ranges::find(kSlotTable, slot.type, &SlotRow::slot_type);
  if (row == std::end(kSlotTable) || row->give_up == nullptr) return {};
  return row->give_up(TRY(found(slot)));
}

Result<std::uint64_t> slot_size_bytes(const SlotSpec& named) {
  if (named.device.empty() || !named.program.empty()) return UINT64_MAX;
  const SlotSpec slot = TRY(found(named));
  if (const auto size = TRY(place_size_bytes(slot))) return *size;
  const Fd fd = TRY(open_file(slot.device, O_RDONLY));
  struct stat kind{};
  if (::fstat(fd.get(), &kind) != 0) return fail(system_error("cannot look at", slot.device, errno));
  if (!S_ISBLK(kind.st_mode) && !S_ISREG(kind.st_mode))
    return fail(kNotADevice, slot.device + " is neither a block device nor a regular file; check the slot in system.toml");
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  if (size < 0) return fail(system_error("cannot measure", slot.device, errno));
  return static_cast<std::uint64_t>(size);
}

Result<Target> open_slot(const SlotSpec& slot, std::string_view image_type) {
  for (const SlotRow& row : kSlotTable) {
    if (row.image_type == image_type && row.slot_type == slot.type) return row.open(TRY(found(slot)));
  }
  return fail(kNoRow, "an image of type " + std::string(image_type) + " cannot be written to a slot of type " + slot.type);
}

Result<Fd> open_files(const SlotSpec& slot) {
  const FileSystemKind* const kind = find_file_system(slot.type);
  if (kind == nullptr) return Fd();
  return look_into(TRY(find_device(slot.device)), *kind);
}

Result<std::unique_ptr<ByteSource>> open_content(const SlotSpec& slot) {
  if (slot.type != "raw") return nullptr;
  return bundle::open_source(TRY(find_device(slot.device)).string());
}

}  // namespace aloft::storage
