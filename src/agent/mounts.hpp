// What is mounted, as the kernel says, and what is to be mounted at each boot, as fstab says.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace aloft::agent {

struct Mount {
  std::string number;           // "259:2", of the device
  std::string root;             // "/", or the folder of a bind mount
  std::filesystem::path point;  // "/boot/efi"
  bool read_only = false;       // this mount, or the file system
  std::string type;             // "ext4"
  std::string source;           // "/dev/sda2", "tmpfs"
};

// /proc/self/mountinfo (Linux Documentation/filesystems/proc.rst, section 3.5). Lines that are none are passed over.
std::vector<Mount> parse_mountinfo(std::string_view text);

// The one that path lies in: the longest point that begins it, the last where several do. Null where none does.
const Mount* mount_of(const std::vector<Mount>& mounts, const std::filesystem::path& path);

// The first fields of fstab's lines ("LABEL=rootfs", "/dev/sda2"), comments left out.
std::vector<std::string> fstab_sources(std::string_view text);

}  // namespace aloft::agent
