#include "agent/slot_config.hpp"

#include <set>

#include "storage/device_name.hpp"
#include "storage/volume.hpp"

namespace aloft::agent {
namespace {

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 32 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

Result<> read_device(Table& table, SlotConfig& slot) {
  TRY(table.text("device", slot.device));
  if (slot.device.empty() || storage::is_device_name(slot.device)) return {};
  return table.wrong(*table.get().get("device"), "device",
                     "an absolute path, \"partlabel:NAME\", \"partuuid:UUID\", \"disk:/dev/DISK#NUMBER\", \"mtd:NAME\" or \"ubi:NAME\"");
}

// Numbers stay with the volumes when their names are swapped.
Result<> check_ubi_pair(Table& table, const SlotConfig& slot) {
  if (slot.device.starts_with("ubi")) return {};
  return table.wrong(*table.get().get("device"), "device", "\"ubi:NAME\" or \"ubi0:NAME\", the name of the volume that is in use");
}

Result<> read_boot_partitions(Table& table, SlotConfig& slot) {
  if (!table.get().contains("partitions")) return table.missing("partitions");
  TRY(table.two_numbers("partitions", slot.partitions, 1, 1024));
  if (slot.partitions[0] == slot.partitions[1]) return table.wrong(*table.get().get("partitions"), "partitions", "two different numbers");
  return {};
}

Result<> read_copies(Table& table, storage::CopyPlaces& copies) {
  for (const char* key : {"offsets", "size"}) {
    if (!table.get().contains(key)) return table.missing(key);
  }
  constexpr std::int64_t kMost = INT64_MAX / 2;
  TRY(table.two_numbers("offsets", copies.offsets_bytes, 0, kMost));
  TRY(table.number("size", copies.size_bytes, 4096, kMost));
  TRY(table.number("header", copies.header_bytes, 512, 65536));
  const auto [first, second] = std::minmax(copies.offsets_bytes[0], copies.offsets_bytes[1]);
  if (second - first < copies.size_bytes || first % 512 != 0 || second % 512 != 0)
    return table.wrong(*table.get().get("offsets"), "offsets", "two multiples of 512, at least \"size\" apart");
  if (copies.header_bytes % 512 != 0 || copies.header_bytes > copies.size_bytes)
    return table.wrong(*table.get().get("header"), "header", "a multiple of 512, not larger than \"size\"");
  return {};
}

Result<> read_program(Table& table, SlotConfig& slot) {
  if (!table.get().contains("program")) return table.missing("program");
  TRY(table.path("program", slot.program));
  TRY(table.number("timeout_s", slot.timeout, 1, 7 * 86400));
  return slot.type == "handler" ? read_device(table, slot) : Result<>();
}

Result<> read_file_slot(Table& table, SlotConfig& slot) {
  TRY(read_device(table, slot));
  if (!table.get().contains("path")) return table.missing("path");
  TRY(table.path("path", slot.path));
  if (!slot.path.has_filename()) return table.wrong(*table.get().get("path"), "path", "the path of a file");
  TRY(table.number("mode", slot.mode, 0, 07777));
  if (slot.device.empty()) return {};
  TRY(table.required_text("filesystem", slot.filesystem));
  if (storage::find_file_system(slot.filesystem) == nullptr)
    return table.wrong(*table.get().get("filesystem"), "filesystem", "ext4, vfat or btrfs");
  return {};
}

Result<> read_tree_slot(Table& table, SlotConfig& slot) {
  TRY(table.words("mkfs_options", slot.mkfs_options));
  if (slot.type == "vfat") return {};
  if (slot.type == "ext4") TRY(table.boolean("resize", slot.resize));
  return table.boolean("device_nodes", slot.device_nodes);
}

Result<> read_slot(Table& table, SlotConfig& slot) {
  TRY(table.text("type", slot.type));
  if (!storage::is_slot_type(slot.type)) return table.wrong(*table.get().get("type"), "type", "one of " + storage::slot_types());
  if (slot.type == "file") return read_file_slot(table, slot);
  if (slot.type == "handler" || slot.type == "mender-module") return read_program(table, slot);
  if (!table.get().contains("device")) return table.missing("device");
  TRY(read_device(table, slot));
  if (slot.type == "boot-partition") return read_boot_partitions(table, slot);
  if (slot.type == "ubi-pair") return check_ubi_pair(table, slot);
  if (slot.type == "raw-pair") return read_copies(table, slot.copies);
  if (storage::find_file_system(slot.type) != nullptr) return read_tree_slot(table, slot);
  return {};
}

constexpr std::string_view kRole = "role";

Result<> read_classes(Table& table, GroupConfig& group) {
  for (const auto& [slot_class, node] : table.get()) {
    const std::string name(slot_class.str());
    if (name == kRole && !node.is_table()) continue;
    if (!is_name(name)) return table.wrong(node, name, "named with 1-32 of A-Z a-z 0-9 _ -");
    TRY(section(table, name.c_str(), [&](Table& slot) { return read_slot(slot, group[name]); }));
  }
  return {};
}

// What two slots must not have in common.
std::string place_of(const SlotConfig& slot) {
  if (!slot.program.empty()) return slot.program.string() + " " + slot.slot_class;
  return slot.device + (slot.path.empty() ? "" : " " + slot.path.string());
}

// Places that are taken, by whom.
using Owners = std::map<std::string, std::string>;

Result<> claim(Owners& owners, const SlotConfig& slot, const std::string& name, const std::string& prefix) {
  const auto [owner, fresh] = owners.emplace(place_of(slot), name);
  if (fresh) return {};
  return fail(kConfigValue, prefix + "slots " + owner->second + " and " + name + " are the same device " + place_of(slot));
}

}  // namespace

Result<> read_groups(Table& table, Config& config) {
  for (const auto& [name, node] : table.get()) {
    const std::string group_name(name.str());
    if (!is_name(group_name)) return table.wrong(node, group_name, "named with 1-32 of A-Z a-z 0-9 _ -");
    GroupConfig& group = config.groups[group_name];
    std::string role = "normal";
    TRY(section(table, group_name.c_str(), [&](Table& classes) -> Result<> {
      const toml::node* const given = classes.get().get(kRole);
      if (given != nullptr && !given->is_table()) TRY(classes.choice(kRole, role, "normal|recovery"));
      return read_classes(classes, group);
    }));
    if (role != "recovery") continue;
    if (!config.recovery.empty())
      return table.wrong(node, group_name, "normal: \"" + config.recovery + "\" is the recovery system already");
    config.recovery = group_name;
  }
  return {};
}

Result<> read_shared(Table& table, GroupConfig& shared) {
  TRY(read_classes(table, shared));
  for (auto& [slot_class, slot] : shared) {
    slot.single = true;
    slot.slot_class = slot_class;
  }
  return {};
}

Result<> read_partitions(Table& table, std::vector<PartitionConfig>& partitions) {
  for (const toml::table* one : TRY(table.tables("partition"))) {
    Table inner(*one, "partition", table.file());
    PartitionConfig& partition = partitions.emplace_back();
    std::string type = "linux";
    std::uint64_t size_mib = 0;
    for (const char* key : {"disk", "name", "size_mib"}) {
      if (!one->contains(key)) return inner.missing(key);
    }
    TRY(inner.path("disk", partition.disk));
    TRY(inner.text("name", partition.wanted.name));
    TRY(inner.number("size_mib", size_mib, 1, 1LL << 32));
    partition.wanted.size_bytes = size_mib << 20;
    TRY(inner.boolean("grow", partition.wanted.grow));
    TRY(inner.text("type", type));
    const auto guid = storage::partition_type(type);
    if (!guid) return inner.wrong(*one->get("type"), "type", "linux, efi, or a GUID");
    partition.wanted.type = *guid;
    TRY(inner.no_more());
  }
  return {};
}

namespace {

using ClassSet = std::set<std::string>;

ClassSet classes_of(const GroupConfig& group) {
  ClassSet classes;
  for (const auto& [slot_class, slot] : group) classes.insert(slot_class);
  return classes;
}

// A bundle finds its group by its images' classes: the recovery system's must be its own.
Result<> check_classes(const Config& config, const std::string& prefix) {
  const std::pair<const std::string, GroupConfig>* first = nullptr;
  for (const auto& entry : config.groups) {
    const auto& [name, group] = entry;
    if (group.empty()) return fail(kConfigMissing, prefix + "group \"" + name + "\" has no slots");
    if (name == config.recovery) continue;
    if (first == nullptr) first = &entry;
    if (classes_of(group) != classes_of(first->second))
      return fail(kConfigValue, prefix + "group \"" + name + "\" has other slot classes than group \"" + first->first + "\"");
  }
  const auto recovery = config.groups.find(config.recovery);
  for (const auto& [name, group] : config.groups)
    for (const auto& [slot_class, slot] : group) {
      if (recovery != config.groups.end() && name != config.recovery && recovery->second.contains(slot_class))
        return fail(kConfigValue,
                    prefix + "class \"" + slot_class + "\" is of group \"" + name +
                        "\" and of the recovery system; give the recovery system's slots classes of their own, such as \"recovery\"");
      if (config.shared.contains(slot_class))
        return fail(kConfigValue, prefix + "class \"" + slot_class + "\" is both shared and in the groups");
    }
  return {};
}

}  // namespace

// A slot named twice would be written while it runs.
Result<> check_slots(const Config& config, std::string_view file) {
  const std::string prefix = std::string(file) + ": ";
  if (config.groups.size() < 2)
    return fail(kConfigMissing, prefix + "at least two groups of slots are needed, such as [group.A.rootfs] and [group.B.rootfs]");
  TRY(check_classes(config, prefix));
  Owners owners;
  for (const auto& [name, group] : config.groups)
    for (const auto& [slot_class, slot] : group) {
      TRY(claim(owners, slot, name + "." + slot_class, prefix));
      if (storage::waits_for_commit(slot.type))
        return fail(kConfigValue, prefix + "slot " + name + "." + slot_class + ": a slot of type " + slot.type + " exists once: [shared." +
                                      slot_class + "]");
    }
  for (const auto& [slot_class, slot] : config.shared) TRY(claim(owners, slot, "shared." + slot_class, prefix));
  return {};
}

}  // namespace aloft::agent
