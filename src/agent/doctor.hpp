// Examines a device: is everything there that an update will need?
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agent/config.hpp"
#include "base/clock.hpp"

namespace aloft::agent {

enum class Verdict : std::uint8_t { good, warning, bad };

struct Finding {
  Verdict verdict;
  std::string what;  // "slots A.rootfs and B.rootfs: 512 MiB each"
  std::string mend;  // what to do; empty when good
};

// Looks, and writes nothing but the boot state as it is and a probe file in the state folder. Works beside a running
// daemon.
std::vector<Finding> examine(const std::filesystem::path& config_file, Clock& clock);
// Prints them; false when any is bad.
bool print_findings(const std::vector<Finding>& findings);

}  // namespace aloft::agent
