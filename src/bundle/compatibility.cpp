#include "bundle/compatibility.hpp"

#include <algorithm>
#include <numeric>

#include "bundle/errors.hpp"

namespace aloft::bundle {
namespace {

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

Result<> check_slot(const Image& image, const DeviceFacts& device) {
  const auto slot = device.slots.find(image.slot_class);
  if (slot == device.slots.end())
    return fail(kNoSlot, "image " + image.name + " is for the slot class " + image.slot_class + ", which this device does not have");
  if (std::ranges::find(slot->second.image_types, image.type) == slot->second.image_types.end())
    return fail(kSlotType, "image " + image.name + " is of type " + image.type + ", but the slot " + image.slot_class + " of type " +
                               slot->second.type + " takes " + listed(slot->second.image_types));
  if (slot->second.size_bytes < image.size_bytes)
    return fail(kSlotTooSmall, "image " + image.name + " has " + std::to_string(image.size_bytes) + " bytes, but the slot " +
                                   image.slot_class + " only " + std::to_string(slot->second.size_bytes));
  return {};
}

}  // namespace

Result<> check_compatible(const Manifest& manifest, const DeviceFacts& device) {
  if (manifest.product != device.product)
    return fail(kWrongProduct, "the bundle is for product " + manifest.product + ", this device is a " + device.product);
  if (std::ranges::find(manifest.hardware, device.hardware) == manifest.hardware.end())
    return fail(kWrongHardware, "the bundle is for hardware " + listed(manifest.hardware) + ", this device is " + device.hardware);
  if (manifest.security_version < device.security_floor)
    return fail(kBelowFloor, "the bundle's security version " + std::to_string(manifest.security_version) +
                                 " is below this device's floor " + std::to_string(device.security_floor) + "; install a newer bundle");
  for (const auto& image : manifest.images) TRY(check_slot(image, device));
  return {};
}

Result<std::vector<std::size_t>> writing_order(const Manifest& manifest, const std::map<std::string, SlotFacts>& slots, Seek seek) {
  std::vector<std::size_t> order(manifest.images.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto is_shared = [&](std::size_t index) {
    const auto slot = slots.find(manifest.images[index].slot_class);
    return slot != slots.end() && slot->second.shared;
  };
  std::ranges::stable_partition(order, [&](std::size_t index) { return !is_shared(index); });
  if (seek == Seek::cannot && !std::ranges::is_sorted(order))
    return fail(
        kSharedFirst,
        "the bundle comes as a stream and has an image for a shared slot before others; install it from a file, or put that image last");
  return order;
}

}  // namespace aloft::bundle
