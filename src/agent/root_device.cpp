#include "agent/root_device.hpp"

#include <sys/stat.h>

#include <array>

#include "agent/block_number.hpp"
#include "base/ubi.hpp"
#include "storage/device_name.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

// Empty where there is none. Of flash, what the kernel mounts: the block device over it.
fs::path path_of(const SlotConfig& slot) {
  const auto device = storage::find_device(slot.device);
  return device ? storage::block_device_over(*device) : fs::path();
}

std::string owner(const Config& config, const DeviceNumber& device) {
  for (const auto& [name, group] : config.groups)
    for (const auto& [slot_class, slot] : group)
      if (number_of_block_device(path_of(slot)) == device) return name;
  return {};
}

// The owner of a device, or of what a device-mapper device lies on.
std::string owner_through_layers(const Config& config, const DeviceNumber& device, const fs::path& sys) {
  for (const DeviceNumber& each : with_layers_below(device, sys))
    if (std::string name = owner(config, each); !name.empty()) return name;
  return {};
}

// "PARTLABEL=rootfs-a" -> /dev/disk/by-partlabel/rootfs-a. udev (or mdev with the project's rules) makes those links.
fs::path device_of(std::string_view root, const fs::path& dev) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kFolders{
      {{"PARTUUID=", "by-partuuid"}, {"PARTLABEL=", "by-partlabel"}, {"LABEL=", "by-label"}, {"UUID=", "by-uuid"}}};
  for (const auto& [key, folder] : kFolders)
    if (root.starts_with(key)) return dev / "disk" / folder / root.substr(key.size());
  if (root.starts_with("/dev/")) return storage::block_device_over(dev / root.substr(5));
  return {};
}

// UBIFS has no block device: root=ubi0:rootfs-a, root=ubi0_1.
std::string owner_of_volume(const Config& config, std::string_view root, const DeviceTrees& trees) {
  if (!root.starts_with("ubi")) return {};
  const UbiTree tree{.sysfs = trees.sys / "class/ubi", .dev = trees.dev};
  const auto volume = [&tree](const std::string& text) -> std::optional<std::pair<int, int>> {
    const auto name = parse_ubi_name(text);
    const auto found = name ? find_ubi_volumes(*name, tree) : std::vector<UbiPlace>();
    if (!found || found->size() != 1) return {};
    return std::pair(found->front().device, found->front().volume.id);
  };
  const auto booted = volume(root.contains(':') ? std::string(root) : "/dev/" + std::string(root));
  for (const auto& [name, group] : config.groups)
    for (const auto& [slot_class, slot] : group)
      if (booted && volume(slot.device) == booted) return name;
  return {};
}

bool same_file(const fs::path& left, const fs::path& right) {
  std::error_code problem;
  return fs::equivalent(left, right, problem) && !problem;
}

std::string owner_of_path(const Config& config, const fs::path& device, const fs::path& sys) {
  for (const auto& [name, group] : config.groups)
    for (const auto& [slot_class, slot] : group)
      if (same_file(path_of(slot), device)) return name;
  const auto block = number_of_block_device(device);
  return block ? owner_through_layers(config, *block, sys) : std::string();
}

}  // namespace

std::string command_line_value(std::string_view command_line, std::string_view key) {
  std::string value;
  while (!command_line.empty()) {
    const auto end = command_line.find_first_of(" \t\r\n");
    const std::string_view word = command_line.substr(0, end);
    if (word.starts_with(key)) value = word.substr(key.size());
    command_line.remove_prefix(end == std::string_view::npos ? command_line.size() : end + 1);
  }
  return value;
}

std::string group_of_root(const Config& config, std::string_view command_line, const DeviceTrees& trees) {
  struct stat root{};
  if (::stat(trees.root.c_str(), &root) == 0) {
    if (std::string name = owner_through_layers(config, device_number(root.st_dev), trees.sys); !name.empty()) return name;
  }
  for (const std::string_view key : {"systemd.verity_root_data=", "root="}) {
    const std::string named = command_line_value(command_line, key);
    if (std::string name = owner_of_volume(config, named, trees); !name.empty()) return name;
    const fs::path device = device_of(named, trees.dev);
    if (device.empty()) continue;
    if (std::string name = owner_of_path(config, device, trees.sys); !name.empty()) return name;
  }
  return {};
}

}  // namespace aloft::agent
