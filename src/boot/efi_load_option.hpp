// What Boot#### and BootOrder hold (UEFI specification 2.10, sections 3.1.3, 3.3 and 10.3).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace aloft::boot {

inline constexpr std::uint32_t kLoadOptionActive = 1;

// EFI_LOAD_OPTION.
struct LoadOption {
  std::uint32_t attributes = kLoadOptionActive;
  std::string label;          // UTF-8
  std::string device_path;    // as it is, with its end
  std::string optional_data;  // as it is; a kernel takes it for its arguments, UTF-16LE
};

// Errors: kBootStateCorrupt where lengths do not fit, or the label does not end.
Result<LoadOption> parse_load_option(std::string_view data);
std::string format_load_option(const LoadOption& option);

// A GPT partition as a device path names it.
struct PartitionPlace {
  std::uint32_t number = 0;             // from 1
  std::uint64_t start = 0;              // in logical blocks
  std::uint64_t size = 0;               // likewise
  std::array<std::uint8_t, 16> guid{};  // of the partition, as it stands in the GPT
};

// "HD(n,GPT,...)/\EFI\...": a file on that partition, found by the firmware on whatever disk it is. '/' in the file's name becomes '\'.
std::string file_device_path(const PartitionPlace& partition, std::string_view file);

// "Boot0003" as 3. Nothing for any other name; the digits are upper-case hexadecimal.
std::optional<std::uint16_t> boot_entry_number(std::string_view variable);
std::string boot_entry_name(std::uint16_t number);

// BootOrder, BootNext, BootCurrent: 16-bit little-endian numbers. An odd last byte is an error (kBootStateCorrupt).
Result<std::vector<std::uint16_t>> parse_boot_numbers(std::string_view data);
std::string format_boot_numbers(const std::vector<std::uint16_t>& numbers);

}  // namespace aloft::boot
