// Where a partition lies and what its GPT calls it: what a boot entry of the firmware has to say.
#pragma once

#include <filesystem>
#include <string_view>

#include "boot/efi_load_option.hpp"

namespace aloft::boot {

// The entry with this number (from 1) in the first blocks of a disk: protective MBR, header and entries (UEFI specification 2.10, section
// 5.3). Only its GUID and place are looked at. Errors: kBootSetting where there is no such partition.
Result<PartitionPlace> place_in_gpt(std::string_view head, std::uint32_t number, std::size_t block_bytes);

// Of a partition's block device ("/dev/disk/by-partlabel/ESP"), by what the kernel says of it and by its disk's GPT. Errors: kBootSetting
// where it is no partition of a GPT; file errors.
Result<PartitionPlace> partition_place(const std::filesystem::path& device);

}  // namespace aloft::boot
