#include "agent/partition_command.hpp"

#include <iostream>
#include <map>

namespace aloft::agent {
namespace {

// A random one: version 4 of RFC 9562.
storage::Guid random_guid(Random& random) {
  storage::Guid guid;
  random.fill(guid);
  guid[7] = (guid[7] & std::byte{0x0f}) | std::byte{0x40};
  guid[8] = (guid[8] & std::byte{0x3f}) | std::byte{0x80};
  return guid;
}

}  // namespace

Result<> partition(const Config& config, storage::Apply apply, Random& random) {
  std::map<std::filesystem::path, std::vector<storage::WantedPartition>> disks;
  for (const PartitionConfig& one : config.partitions) disks[one.disk].push_back(one.wanted);
  const auto new_id = [&random] { return random_guid(random); };
  std::vector<std::string> changes;
  for (const auto& [disk, wanted] : disks) {
    for (const std::string& change : TRY(storage::partition_disk(disk, wanted, storage::Apply::no, new_id)))
      changes.push_back(disk.string() + ": " + change);
  }
  for (const std::string& change : changes) std::cout << change << "\n";
  if (changes.empty()) std::cout << "nothing to do\n";
  if (apply == storage::Apply::no) return {};
  for (const auto& [disk, wanted] : disks) TRY(storage::partition_disk(disk, wanted, storage::Apply::yes, new_id));
  return {};
}

}  // namespace aloft::agent
