// Two boot partitions of one disk.
#pragma once

#include "storage/boot_flag.hpp"
#include "storage/pair.hpp"

namespace aloft::storage {

// Switched by the boot flag. The disk is not claimed, since the running system uses other partitions of it. Takes over the disk.
class PartitionPair final : public Pair {
 public:
  PartitionPair(std::unique_ptr<BlockDevice> disk, const TwoPartitions& numbers) : disk_(std::move(disk)), numbers_(numbers) {}
  Result<unsigned> active() override { return flagged(*disk_, numbers_); }
  Result<std::unique_ptr<DeviceTarget>> open(unsigned place) override;
  Result<> activate(unsigned place) override { return flag(*disk_, numbers_, place); }

 private:
  std::unique_ptr<BlockDevice> disk_;
  const TwoPartitions numbers_;
};

}  // namespace aloft::storage
