// Devices by what stands in a partition table instead of by a path.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace aloft::storage {

// Where the kernel shows its devices; other folders are for tests.
struct DeviceTree {
  std::filesystem::path sysfs = "/sys/class/block";
  std::filesystem::path dev = "/dev";
  std::filesystem::path mtd = "/sys/class/mtd";
  std::filesystem::path ubi = "/sys/class/ubi";
};

// What the kernel says of a device in its sysfs file uevent: lines KEY=VALUE. Others are passed over; of a key that stands twice the last
// counts.
std::map<std::string, std::string> parse_uevent(std::string_view text);

// Whether text is an absolute path, "partlabel:NAME", "partuuid:UUID", "disk:/dev/DISK#NUMBER", "mtd:NAME", "ubi:NAME" or "ubi0:NAME".
bool is_device_name(std::string_view text);

// The device's path. Asks the kernel and the disk's own GUID partition table, so that neither udev nor its links are needed. A volume's
// path, /dev/ubi0_1, is that of the volume which has the name now. Errors: kNoPartition for one that is not there, or that stands twice.
Result<std::filesystem::path> find_device(std::string_view text, const DeviceTree& tree = {});

// The block device through which the kernel shows raw flash read-only: /dev/ubiblock0_1 of /dev/ubi0_1, /dev/mtdblock3 of /dev/mtd3. Other
// paths as they are.
std::filesystem::path block_device_over(const std::filesystem::path& device);

}  // namespace aloft::storage
