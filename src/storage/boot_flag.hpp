// Which of two partitions the first boot stage starts: the active flag of an MBR, or the legacy-boot attribute of a GPT.
#pragma once

#include <array>

#include "storage/block_device.hpp"

namespace aloft::storage {

using TwoPartitions = std::array<unsigned, 2>;  // numbers, from 1

struct PartitionPlace {
  std::uint64_t offset_bytes;
  std::uint64_t size_bytes;
};

// 0 or 1: the one that is flagged; the first where neither is or both are. Errors: kNoTable, kBadPartition, the disk's.
Result<unsigned> flagged(BlockDevice& disk, const TwoPartitions& numbers);
// Flags this one and not the other. On an MBR one sector is written; on a GPT see Gpt::write, whose last write, of one sector, is the
// switch. Durable and read back once returned.
Result<> flag(BlockDevice& disk, const TwoPartitions& numbers, unsigned which);
// flag()'s error where the disk has no room for it, before an image is put where nothing could switch to it.
Result<> can_flag(BlockDevice& disk);
// kBadPartition where the table has none of this number.
Result<PartitionPlace> partition_place(BlockDevice& disk, unsigned number);

}  // namespace aloft::storage
