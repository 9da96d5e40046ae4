#include "agent/slot_config.hpp"

#include "storage/volume.hpp"

namespace aloft::agent {
namespace {

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 32 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

Result<> read_file_slot(Table& table, SlotConfig& slot) {
  TRY(table.path("device", slot.device));
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
  if (!table.get().contains("device")) return table.missing("device");
  TRY(table.path("device", slot.device));
  if (storage::find_file_system(slot.type) != nullptr) return read_tree_slot(table, slot);
  return {};
}

Result<> read_classes(Table& table, GroupConfig& group) {
  for (const auto& [slot_class, node] : table.get()) {
    const std::string name(slot_class.str());
    if (!is_name(name)) return table.wrong(node, name, "named with 1-32 of A-Z a-z 0-9 _ -");
    TRY(section(table, name.c_str(), [&](Table& slot) { return read_slot(slot, group[name]); }));
  }
  return {};
}

// What two slots must not have in common.
std::string place_of(const SlotConfig& slot) { return slot.device.string() + (slot.path.empty() ? "" : " " + slot.path.string()); }

// Places that are taken, by whom.
using Owners = std::map<std::string, std::string>;

Result<> claim(Owners& owners, const SlotConfig& slot, const std::string& name, const std::string& prefix) {
  const auto [owner, fresh] = owners.emplace(place_of(slot), name);
  if (fresh) return {};
  return fail(kConfigValue, prefix + "slots " + owner->second + " and " + name + " are the same device " + place_of(slot));
}

}  // namespace

Result<> read_groups(Table& table, std::map<std::string, GroupConfig>& groups) {
  for (const auto& [name, node] : table.get()) {
    const std::string group_name(name.str());
    if (!is_name(group_name)) return table.wrong(node, group_name, "named with 1-32 of A-Z a-z 0-9 _ -");
    GroupConfig& group = groups[group_name];
    TRY(section(table, group_name.c_str(), [&group](Table& classes) { return read_classes(classes, group); }));
  }
  return {};
}

Result<> read_shared(Table& table, GroupConfig& shared) {
  TRY(read_classes(table, shared));
  for (auto& [slot_class, slot] : shared) slot.single = true;
  return {};
}

// A slot named twice would be written while it runs.
Result<> check_slots(const Config& config, std::string_view file) {
  const std::string prefix = std::string(file) + ": ";
  if (config.groups.size() < 2)
    return fail(kConfigMissing, prefix + "at least two groups of slots are needed, such as [group.A.rootfs] and [group.B.rootfs]");
  Owners owners;
  const GroupConfig& first = config.groups.begin()->second;
  for (const auto& [name, group] : config.groups) {
    if (group.empty()) return fail(kConfigMissing, prefix + "group \"" + name + "\" has no slots");
    const auto same_class = [](const auto& left, const auto& right) { return left.first == right.first; };
    if (!std::ranges::equal(first, group, same_class))
      return fail(kConfigValue,
                  prefix + "group \"" + name + "\" has other slot classes than group \"" + config.groups.begin()->first + "\"");
    for (const auto& [slot_class, slot] : group) TRY(claim(owners, slot, name + "." + slot_class, prefix));
  }
  for (const auto& [slot_class, slot] : config.shared) {
    TRY(claim(owners, slot, "shared." + slot_class, prefix));
    if (first.contains(slot_class)) return fail(kConfigValue, prefix + "class \"" + slot_class + "\" is both shared and in the groups");
  }
  return {};
}

}  // namespace aloft::agent
