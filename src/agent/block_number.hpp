// Block devices by their numbers, and what a device-mapper device lies on.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace aloft::agent {

using DeviceNumber = std::string;  // "259:2", as sysfs writes it

DeviceNumber device_number(dev_t device);
// Nothing where path is no block device.
std::optional<DeviceNumber> number_of_block_device(const std::filesystem::path& path);
// The device itself, and through device-mapper (verity, crypt, linear) all that it lies on, at most 8 deep. sys: "/sys".
std::vector<DeviceNumber> with_layers_below(const DeviceNumber& device, const std::filesystem::path& sys);

}  // namespace aloft::agent
