// Which group of slots the running root file system lies on.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "agent/config.hpp"

namespace aloft::agent {

// Where the kernel shows its devices; other places are for tests.
struct DeviceTrees {
  std::filesystem::path dev = "/dev";
  std::filesystem::path sys = "/sys";
  std::filesystem::path root = "/";
};

// The group that has a slot on the block device of the file system at trees.root, directly or through device-mapper (verity, crypt,
// linear: its slaves are followed), or else on the device that root= (or systemd.verity_root_data=) on the kernel's command line names: a
// device, PARTUUID=, PARTLABEL=, LABEL= or UUID=. Empty where no group has it, as for an initramfs, NFS or an overlay without root=.
std::string group_of_root(const Config& config, std::string_view command_line, const DeviceTrees& trees = {});

// The value of `key` ("root=") on a kernel command line; the last one counts. Empty when absent.
std::string command_line_value(std::string_view command_line, std::string_view key);

}  // namespace aloft::agent
