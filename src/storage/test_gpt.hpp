// For tests: partition tables on simulated disks.
#pragma once

#include "storage/gpt.hpp"
#include "storage/sim_disk.hpp"

namespace aloft::storage::test {

// As boot loaders see it, and Linux unless told otherwise on its command line: they know no backup of a table, so the primary alone must
// do.
inline SimDisk without_backup(const SimDisk& disk) {
  SimDisk primary(disk);
  primary.fill(disk.size_bytes() - SimDisk::kSectorBytes, Bytes(SimDisk::kSectorBytes));
  return primary;
}

}  // namespace aloft::storage::test
