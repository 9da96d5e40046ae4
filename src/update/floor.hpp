// The rollback floor: the highest security version that this device ever committed. It never falls.
#pragma once

#include <cstdint>

#include "update/state_files.hpp"

namespace aloft::update {

// Kept in two files, "floor.0" and "floor.1", each with its own checksum; the higher good one counts. Errors: kFloorUnreadable when
// there are files but no good one; files' own.
Result<std::uint64_t> read_floor(StateFiles& files);
// Both copies hold at least `security_version` once this has returned. Never lowers.
Result<> raise_floor(StateFiles& files, std::uint64_t security_version);

}  // namespace aloft::update
