// Slots on raw flash, by the path of their device: /dev/mtdN, or a volume /dev/ubiN_M.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "base/ubi.hpp"
#include "storage/pair.hpp"
#include "storage/target.hpp"
#include "storage/ubi_target.hpp"

namespace aloft::storage {

// Where the kernel shows what it does with flash; other folders are for tests.
struct FlashTree {
  std::filesystem::path ubi = "/sys/class/ubi";
  std::filesystem::path mounts = "/proc/self/mounts";
};

// kDeviceBusy where UBI is attached to the MTD device of that number, or a file system on it is mounted.
Result<> check_mtd_unused(const std::filesystem::path& device, const FlashTree& tree = {});

// Errors: those of MtdFlash and check_mtd_unused().
Result<std::unique_ptr<StreamTarget>> mtd_target(const std::filesystem::path& device);

struct FlashSpace {
  std::uint64_t size_bytes = 0;
  std::uint64_t good_bytes = 0;  // without bad blocks
  std::uint64_t blocks = 0;
  std::uint64_t bad_blocks = 0;
};
Result<FlashSpace> mtd_space(const std::filesystem::path& device);

// The volume as it is now. kUbi where the path is no volume, or it is not there.
Result<UbiPlace> ubi_slot_volume(const std::filesystem::path& device, const UbiTree& tree = {});
Result<std::unique_ptr<StreamTarget>> ubi_target(const std::filesystem::path& device, UbiContent content);
Result<std::unique_ptr<StreamTarget>> ubi_pair_target(const std::filesystem::path& device);

struct UbiDue {
  std::filesystem::path device;
  Waiting content;
};
// One rename for each UBI device.
Result<> switch_ubi_pairs(std::span<const UbiDue> due);

}  // namespace aloft::storage
