#include "storage/partition_pair.hpp"

#include "storage/range_device.hpp"

namespace aloft::storage {

Result<std::unique_ptr<DeviceTarget>> PartitionPair::open(unsigned place) {
  TRY(can_flag(*disk_));
  const PartitionPlace where = TRY(partition_place(*disk_, numbers_.at(place)));
  return std::make_unique<DeviceTarget>(std::make_unique<RangeDevice>(*disk_, where.offset_bytes, where.size_bytes));
}

}  // namespace aloft::storage
