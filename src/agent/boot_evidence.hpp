// What the machine still knows of how it came to start: the watchdog's driver, and records that a dying kernel left.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "agent/watchdog.hpp"

namespace aloft::agent {

struct BootEvidence {
  bool watchdog = false;
  bool overheated = false;
  bool power_fault = false;
  std::set<std::string> panics;  // every record there is, by name and time; an old one may stay for long. At most kMaxPanics
};
inline constexpr std::size_t kMaxPanics = 64;

// "dmesg-*" and the like of the kernel's pstore (Documentation/admin-guide/pstore-blk.rst), and the folders, named by a number, into which
// systemd-pstore(8) moves them.
std::set<std::string> panic_records(const std::vector<std::filesystem::path>& dirs);
BootEvidence read_boot_evidence(const WatchdogFacts& watchdog, const std::vector<std::filesystem::path>& panic_dirs);

}  // namespace aloft::agent
