// Slots that exist once, each in a UBI volume with a second one beside it: the names of all of them are swapped by one atomic rename.
#pragma once

#include <span>
#include <string>

#include "base/ubi.hpp"
#include "storage/pair.hpp"
#include "storage/ubi_target.hpp"

namespace aloft::storage {

// The volume beside the one that is in use.
std::string ubi_second(const std::string& name);

// Writes to the volume beside `name`; its begin() makes that like the other (same size and kind) where it is missing or smaller: kUbiFull
// where the device has no room for it. Not for file systems that are mounted for writing: what a switch looks for would no longer be there.
std::unique_ptr<StreamTarget> ubi_second_target(std::unique_ptr<Ubi> ubi, const std::string& name);

struct UbiSwitch {
  std::string name;
  Waiting content;
};

// Gives each name to the volume that holds the content that waits, the old one's to the other: all of them in one rename, or none. Volumes
// that hold it already are left alone, so it may be called again after a power cut. kSwitchContent where neither volume of a pair holds it;
// then nothing is renamed.
Result<> switch_ubi(Ubi& ubi, std::span<const UbiSwitch> switches);

}  // namespace aloft::storage
