#include "agent/boot_evidence.hpp"

#include <sys/stat.h>

namespace aloft::agent {
namespace {

bool is_record(const std::string& name) {
  return name.starts_with("dmesg-") || (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos);
}

}  // namespace

std::set<std::string> panic_records(const std::vector<std::filesystem::path>& dirs) {
  std::set<std::string> records;
  for (const auto& dir : dirs) {
    std::error_code problem;
    for (const auto& entry : std::filesystem::directory_iterator(dir, problem)) {
      const std::string name = entry.path().filename().string();
      struct stat facts{};
      if (records.size() >= kMaxPanics || !is_record(name) || ::stat(entry.path().c_str(), &facts) != 0) continue;
      records.insert(name.substr(0, 128) + " " + std::to_string(facts.st_mtim.tv_sec));
    }
  }
  return records;
}

BootEvidence read_boot_evidence(const WatchdogFacts& watchdog, const std::vector<std::filesystem::path>& panic_dirs) {
  return {.watchdog = watchdog.caused_last_boot,
          .overheated = watchdog.overheated,
          .power_fault = watchdog.power_fault,
          .panics = panic_records(panic_dirs)};
}

}  // namespace aloft::agent
