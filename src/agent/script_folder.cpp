#include "agent/script_folder.hpp"

#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/process.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> scripts_in(const fs::path& dir) {
  std::vector<fs::path> scripts;
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(dir, problem)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') || name.ends_with('~')) continue;
    if (entry.is_regular_file(problem) && ::access(entry.path().c_str(), X_OK) == 0) scripts.push_back(entry.path());
  }
  std::ranges::sort(scripts);
  return scripts;
}

}  // namespace

void run_scripts(const ScriptFolder& folder, const std::atomic<bool>& stop,
                 const std::function<void(std::string_view output, std::string_view script)>& use) {
  for (const fs::path& script : scripts_in(folder.dir)) {
    if (stop) return;
    const std::string name = std::string(folder.what) + " script " + script.filename().string();
    const auto end = run_process({script.string()}, folder.timeout, &stop);
    if (!end) {
      log::warning(name + ": " + end.error().message);
    } else if (end->timed_out || end->exit_status != 0) {
      const std::string how = end->timed_out ? "did not end in time" : "ended with status " + std::to_string(end->exit_status);
      if (!stop) log::warning(name + " " + how + "; what it said is not used");
    } else {
      use(end->output, script.filename().string());
    }
  }
}

void for_each_line(std::string_view output, const std::function<void(std::string_view line)>& take) {
  while (!output.empty()) {
    const std::size_t end = std::min(output.find('\n'), output.size());
    std::string_view line = output.substr(0, end);
    output.remove_prefix(std::min(end + 1, output.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) take(line);
  }
}

}  // namespace aloft::agent
