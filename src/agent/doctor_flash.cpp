// Slots on raw flash: do they wear out, can UBI still work, is there room for a second volume?
#include <charconv>
#include <set>

#include "agent/examination.hpp"
#include "base/errors.hpp"
#include "base/file.hpp"
#include "base/ubi.hpp"
#include "storage/ubi_pair.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxFlashAttribute = 64;
constexpr std::uint64_t kLifetimePercent = 2;  // so many blocks may go bad in a chip's life, by its maker's word

struct FlashSlot {
  std::string group;  // empty: shared
  std::string name;
  const SlotConfig* slot;
};

std::vector<FlashSlot> slots_of(const Config& config, std::string_view type) {
  std::vector<FlashSlot> slots;
  for (const auto& [group, classes] : config.groups)
    for (const auto& [slot_class, slot] : classes)
      if (slot.type == type) slots.push_back({group, group + "." + slot_class, &slot});
  for (const auto& [slot_class, slot] : config.shared)
    if (slot.type == type) slots.push_back({"", "shared." + slot_class, &slot});
  return slots;
}

// Empty where the kernel does not say.
std::optional<std::uint64_t> attribute_number(const fs::path& file) {
  const auto text = read_file(file, kMaxFlashAttribute);
  std::uint64_t number = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), number).ec != std::errc()) return {};
  return number;
}

UbiTree tree_of(const Places& places) { return {.sysfs = places.sys / "class/ubi", .dev = places.dev}; }

std::optional<UbiPlace> volume_of(const SlotConfig& slot, const Places& places) {
  const auto name = parse_ubi_name(slot.device);
  const auto found = name ? find_ubi_volumes(*name, tree_of(places)) : std::vector<UbiPlace>();
  if (!found || found->size() != 1) return {};
  return found->front();
}

void examine_chip(const FlashSlot& slot, const Places& places, Examination& out) {
  const fs::path chip = places.sys / "class/mtd" / device_path(*slot.slot, places).filename();
  const auto size = attribute_number(chip / "size");
  const auto block = attribute_number(chip / "erasesize");
  const auto bad = attribute_number(chip / "bad_blocks");
  if (!size || !block || *block == 0 || !bad) return;  // that it is not there is slot-missing
  const std::uint64_t blocks = *size / *block;
  const std::string what = "slot " + slot.name + ": " + std::to_string(*bad) + " of " + std::to_string(blocks) + " blocks are bad";
  if (*bad * 100 > blocks * kLifetimePercent)
    return out.warn("slot-bad-blocks", what,
                    "makers promise no more than 2 in 100 in a chip's life; see that the image still fits, and replace the chip in time");
  out.good("slot-bad-blocks", what);
}

void examine_device(int number, const Places& places, Examination& out) {
  const std::string name = "ubi" + std::to_string(number);
  const fs::path device = places.sys / "class/ubi" / name;
  if (attribute_number(device / "ro_mode") == 1U)
    return out.bad("ubi-read-only", "UBI device " + name + " has gone read-only after an error",
                   "look at the kernel's log; nothing can be installed until it is attached anew, and the flash may be failing");
  const auto spare = attribute_number(device / "reserved_for_bad");
  const auto bad = attribute_number(device / "bad_peb_count");
  if (!spare || !bad || (*spare == 0 && *bad == 0)) return;  // NOR
  if (*spare == 0)
    return out.warn("ubi-spare-blocks", "UBI device " + name + " has no spare blocks left, " + std::to_string(*bad) + " are bad",
                    "the next block that goes bad makes it read-only; replace the chip");
  out.good("ubi-spare-blocks", "UBI device " + name + ": " + std::to_string(*spare) + " spare blocks, " + std::to_string(*bad) + " bad");
}

// A volume of a group that does not run may be so: an update of it was given up.
void examine_volume(const Patient& patient, const FlashSlot& slot, const UbiVolume& volume, Examination& out) {
  if (!volume.is_damaged || (slot.group != patient.booted && !slot.group.empty())) return;
  out.bad("slot-damaged", "slot " + slot.name + ": UBI volume " + volume.name + " is in use, but damaged or half written",
          "install its content again; until then the machine may not start once more");
}

void examine_second(const FlashSlot& slot, const UbiPlace& place, const Places& places, Examination& out) {
  const auto second =
      find_ubi_volumes({.device = place.device, .volume = {}, .name = storage::ubi_second(place.volume.name)}, tree_of(places));
  if (!second || !second->empty()) return;
  const fs::path device = places.sys / "class/ubi" / ("ubi" + std::to_string(place.device));
  const auto blocks = attribute_number(device / "avail_eraseblocks");
  const auto size = attribute_number(device / "eraseblock_size");
  if (!blocks || !size || *blocks * *size >= place.volume.capacity_bytes) return;
  out.bad("ubi-no-room", "slot " + slot.name + ": there is no room for the second volume " + storage::ubi_second(place.volume.name),
          "remove volumes of ubi" + std::to_string(place.device) + " that are not needed, or make them smaller");
}

}  // namespace

std::optional<Result<std::uint64_t>> flash_size(const SlotConfig& slot, const Places& places) {
  if (slot.type == "mtd") {
    const auto device = storage::find_device(slot.device, device_tree(places));
    if (!device) return fail(Error(device.error()));
    if (const auto size = attribute_number(places.sys / "class/mtd" / device->filename() / "size")) return *size;
    return fail(kNotFound, device->string() + " is no MTD device");
  }
  if (slot.type != "ubi" && slot.type != "ubi-pair") return {};
  if (const auto place = volume_of(slot, places)) return place->volume.capacity_bytes;
  return fail(kNotFound, "there is no UBI volume " + slot.device);
}

void examine_flash(const Patient& patient, Examination& out) {
  const Places& places = patient.places;
  for (const FlashSlot& slot : slots_of(patient.config, "mtd")) examine_chip(slot, places, out);
  std::set<int> devices;
  for (const char* type : {"ubi", "ubi-pair"})
    for (const FlashSlot& slot : slots_of(patient.config, type)) {
      const auto place = volume_of(*slot.slot, places);
      if (!place) continue;
      devices.insert(place->device);
      examine_volume(patient, slot, place->volume, out);
      if (slot.slot->type == "ubi-pair") examine_second(slot, *place, places, out);
    }
  for (const int device : devices) examine_device(device, places, out);
}

}  // namespace aloft::agent
