// Devices by what stands in a partition table instead of by a path.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.hpp"

namespace aloft::storage {

// Where the kernel shows its devices; other folders are for tests.
struct DeviceTree {
  std::filesystem::path sysfs = "/sys/class/block";
  std::filesystem::path dev = "/dev";
};

// Whether text is an absolute path, "partlabel:NAME", "partuuid:UUID" or "disk:/dev/DISK#NUMBER".
bool is_device_name(std::string_view text);

// The device's path. Asks the kernel and the disk's own GUID partition table, so that neither udev nor its links are needed. Errors:
// kNoPartition for one that is not there, or that stands twice.
Result<std::filesystem::path> find_device(std::string_view text, const DeviceTree& tree = {});

}  // namespace aloft::storage
