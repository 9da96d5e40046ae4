// Whether a bundle is for this device: checked before anything is fetched or written.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bundle/manifest.hpp"

namespace aloft::bundle {

struct SlotFacts {
  std::string type;                                // of the slot
  std::uint64_t size_bytes;                        // the largest image it takes
  std::vector<std::string> image_types = {"raw"};  // that can be written to it
  bool shared = false;                             // it exists once: the running system uses it
};

struct DeviceFacts {
  std::string product;
  std::string hardware;
  std::uint64_t security_floor = 0;        // the highest security version ever committed
  std::map<std::string, SlotFacts> slots;  // by slot class: those an update would write
};

// Errors: kWrongProduct, kWrongHardware, kBelowFloor, kNoSlot, kSlotType, kSlotTooSmall.
Result<> check_compatible(const Manifest& manifest, const DeviceFacts& device);

// The images in the order in which they are written: as the manifest has them, but those for shared slots last, so that nothing that can
// go wrong with the others happens after the running system was touched. A source that cannot go back (a pipe) must have them in that
// order: kSharedFirst.
enum class Seek : std::uint8_t { can, cannot };
Result<std::vector<std::size_t>> writing_order(const Manifest& manifest, const std::map<std::string, SlotFacts>& slots, Seek seek);

}  // namespace aloft::bundle
