#include "agent/early_watchdog.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <csignal>

#include "base/file.hpp"

namespace aloft::agent {
namespace {

constexpr std::string_view kProgram = "aloft-watchdog";

bool is_ours(const std::filesystem::path& folder) {
  struct stat facts{};
  return ::stat(folder.c_str(), &facts) == 0 && facts.st_uid == ::geteuid();
}

}  // namespace

bool dismiss_early_watchdog(const std::filesystem::path& proc) {
  bool found = false;
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(proc, problem)) {
    const std::string name = entry.path().filename().string();
    pid_t process = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), process);
    if (error != std::errc{} || end != name.data() + name.size() || process <= 1 || !is_ours(entry.path())) continue;
    const auto command = read_file(entry.path() / "comm", 64);
    if (!command || command->substr(0, command->find('\n')) != kProgram) continue;
    found = ::kill(process, SIGTERM) == 0 || found;
  }
  return found;
}

}  // namespace aloft::agent
