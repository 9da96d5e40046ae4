// The slots: are they there, large enough, different devices, and not mounted where they would be written?
#include <algorithm>
#include <map>

#include "agent/block_number.hpp"
#include "agent/examination.hpp"
#include "base/ubi.hpp"
#include "storage/device_name.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

struct DeviceSlot {
  std::string group;
  std::string name;  // "A.rootfs"
  fs::path device;
};

// Files lie in file systems that may be mounted, and several in one.
bool is_device(const SlotConfig& slot) { return slot.type != "file" && !slot.device.empty(); }

std::vector<DeviceSlot> device_slots(const Config& config, const Places& places) {
  std::vector<DeviceSlot> slots;
  for (const auto& [group, classes] : config.groups)
    for (const auto& [slot_class, slot] : classes)
      if (is_device(slot)) slots.push_back({group, group + "." + slot_class, device_path(slot, places)});
  return slots;
}

// By class: each group's slot of it.
std::map<std::string, std::map<std::string, SlotConfig>> classes_of(const Config& config) {
  std::map<std::string, std::map<std::string, SlotConfig>> classes;
  for (const auto& [group, slots] : config.groups)
    for (const auto& [slot_class, slot] : slots)
      if (is_device(slot)) classes[slot_class][group] = slot;
  return classes;
}

void examine_sizes(const Config& config, const Places& places, Examination& out) {
  for (const auto& [slot_class, slots] : classes_of(config)) {
    std::string sizes;
    bool equal = true;
    std::optional<std::uint64_t> first;
    for (const auto& [group, slot] : slots) {
      const auto size = flash_size(slot, places).value_or(storage::slot_size_bytes(slot));
      if (!size) {
        out.bad("slot-missing", "slot " + group + "." + slot_class + ": " + size.error().message,
                "correct group." + group + "." + slot_class + ".device in system.toml, or make the partition");
        return;
      }
      if (!first) first = *size;
      equal = equal && *size == *first;
      sizes += (sizes.empty() ? "" : ", ") + group + " " + mebibytes(*size);
    }
    if (equal) out.good("slot-sizes", "slots of class " + slot_class + ": " + sizes);
    if (!equal)
      out.warn("slot-sizes", "slots of class " + slot_class + " differ in size: " + sizes,
               "an image must fit into the smallest; make the partitions equal");
  }
}

bool same_device(const fs::path& left, const fs::path& right) {
  std::error_code problem;
  if (fs::equivalent(left, right, problem) && !problem) return true;
  const auto number = number_of_block_device(left);
  return number && number == number_of_block_device(right);
}

void examine_devices(const std::vector<DeviceSlot>& slots, Examination& out) {
  for (auto left = slots.begin(); left != slots.end(); ++left)
    for (auto right = left + 1; right != slots.end(); ++right)
      if (same_device(left->device, right->device))
        out.bad("slot-same-device",
                "slots " + left->name + " (" + left->device.string() + ") and " + right->name + " (" + right->device.string() +
                    ") are one device",
                "correct the devices in system.toml: writing the one would destroy the other");
}

// UBIFS and JFFS2 are mounted without a block device: "ubi0:rootfs-b", "ubi0_1", "mtd3".
bool is_flash_mount(const Mount& mount, const fs::path& device, const Places& places) {
  const auto name = parse_ubi_name(mount.source.starts_with("ubi") && !mount.source.contains(':') ? "/dev/" + mount.source : mount.source);
  if (!name) return mount.source == device.filename() && mount.source.starts_with("mtd");
  const auto found = find_ubi_volumes(*name, {.sysfs = places.sys / "class/ubi", .dev = places.dev});
  return found && found->size() == 1 &&
         device.filename() == "ubi" + std::to_string(found->front().device) + "_" + std::to_string(found->front().volume.id);
}

bool lies_on(const Mount& mount, const fs::path& device, const Places& places) {
  if (is_flash_mount(mount, device, places)) return true;
  const auto layers = with_layers_below(mount.number, places.sys);
  if (const auto number = number_of_block_device(storage::block_device_over(device));
      number && std::ranges::find(layers, *number) != layers.end())
    return true;
  return mount.source.starts_with("/dev/") && same_device(places.dev / mount.source.substr(5), device);
}

// Bind mounts of a part (with a root other than "/") show the same file system once more; they count for "in use", not for "twice".
void examine_mounts(const Patient& patient, const DeviceSlot& slot, Examination& out) {
  std::string points;
  unsigned whole = 0;
  for (const Mount& mount : patient.mounts) {
    if (!lies_on(mount, slot.device, patient.places)) continue;
    points += (points.empty() ? "" : ", ") + mount.point.string() + (mount.read_only ? " (read-only)" : " (read-write)");
    whole += mount.root == "/" ? 1U : 0U;
  }
  if (points.empty() || patient.booted.empty()) return;
  if (slot.group != patient.booted)
    return out.bad("slot-mounted", "slot " + slot.name + " does not run, but is mounted at " + points,
                   "unmount it, and take it out of fstab: an update cannot write it, and what is changed there is lost");
  if (whole > 1)
    out.warn("slot-mounted-twice", "slot " + slot.name + " is mounted " + std::to_string(whole) + " times: " + points,
             "mount it once; writes through the second mount go to the running system");
}

}  // namespace

storage::DeviceTree device_tree(const Places& places) {
  return {.sysfs = places.sys / "class/block", .dev = places.dev, .mtd = places.sys / "class/mtd", .ubi = places.sys / "class/ubi"};
}

fs::path device_path(const SlotConfig& slot, const Places& places) {
  if (slot.device.empty()) return {};
  return storage::find_device(slot.device, device_tree(places)).value_or(fs::path());
}

void examine_slots(const Patient& patient, Examination& out) {
  examine_sizes(patient.config, patient.places, out);
  const auto slots = device_slots(patient.config, patient.places);
  const std::size_t before = out.count();
  examine_devices(slots, out);
  for (const DeviceSlot& slot : slots) examine_mounts(patient, slot, out);
  if (out.all_good_since(before)) out.good("slot-mounts", "every slot is a device of its own; none that does not run is mounted");
}

}  // namespace aloft::agent
