// Where U-Boot's environment lies: the file fw_env.config, as fw_setenv and libubootenv read it (U-Boot tools/env/fw_env.config).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "boot/uboot_env.hpp"

namespace aloft::boot {

// One line of it: a copy.
struct FwEnvCopy {
  std::filesystem::path device;   // block device, or a file on ext4 or FAT
  std::int64_t offset_bytes = 0;  // from the end where negative
  std::uint64_t size_bytes = 0;
  std::uint64_t block_count = 0;  // on NAND: so many blocks may be taken, the bad ones passed over; 0: as few as are needed
};

inline constexpr std::uint64_t kMaxUbootEnvBytes = 1 << 20;

// One or two copies of equal size, in whole sectors. Errors: kBootSetting with the line.
Result<std::vector<FwEnvCopy>> parse_fw_env_config(std::string_view text);
// Opens nothing but the device's size where an offset counts from its end. Errors: kBootSetting, those of open_file.
Result<std::unique_ptr<UbootEnvironment>> open_uboot_env(const std::vector<FwEnvCopy>& copies);

}  // namespace aloft::boot
