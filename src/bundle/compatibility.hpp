// Whether a bundle is for this device: checked before anything is fetched or written.
#pragma once

#include <map>
#include <string>

#include "bundle/manifest.hpp"

namespace aloft::bundle {

struct SlotFacts {
  std::string type;  // "raw"
  std::uint64_t size_bytes;
};

struct DeviceFacts {
  std::string product;
  std::string hardware;
  std::uint64_t security_floor = 0;        // the highest security version ever committed
  std::map<std::string, SlotFacts> slots;  // by slot class: those an update would write
};

// Errors: kWrongProduct, kWrongHardware, kBelowFloor, kNoSlot, kSlotType, kSlotTooSmall.
Result<> check_compatible(const Manifest& manifest, const DeviceFacts& device);

}  // namespace aloft::bundle
