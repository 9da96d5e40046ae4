// The partitions that a device must have, against those that it has: what is missing is made, what may grow grows; nothing is moved, made
// smaller or deleted.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "storage/gpt.hpp"

namespace aloft::storage {

struct WantedPartition {
  std::string name;
  Guid type{};
  std::uint64_t size_bytes = 0;  // at least; rounded up to 1 MiB
  bool grow = false;             // take all free space behind it
};

// "linux", "efi", or a GUID.
Result<Guid> partition_type(std::string_view text);

// Changes the table in memory and says in words what was changed; empty: all is as wanted. `new_id` gives the ids of new partitions.
// kBadPartition where something does not fit, or a name stands twice.
Result<std::vector<std::string>> plan_partitions(Gpt& gpt, std::span<const WantedPartition> wanted, const std::function<Guid()>& new_id);

enum class Apply : std::uint8_t { no, yes };
// Does so for a disk. A disk whose first sector is zero gets a table; one without a GUID table is refused (kNoTable). A table whose copies
// differ, or whose backup is not at the disk's end, is written anew. With Apply::no nothing is written. A power cut leaves the old or the
// new table (Gpt::write), and of a disk without one what is taken up again.
Result<std::vector<std::string>> partition_disk(BlockDevice& disk, std::span<const WantedPartition> wanted, Apply apply,
                                                const std::function<Guid()>& new_id);
// The same for a device, and tells the kernel.
Result<std::vector<std::string>> partition_disk(const std::filesystem::path& disk, std::span<const WantedPartition> wanted, Apply apply,
                                                const std::function<Guid()>& new_id);

}  // namespace aloft::storage
