// Executables of a folder whose output says something of the device: its inventory, its metrics.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string_view>

namespace aloft::agent {

struct ScriptFolder {
  std::filesystem::path dir;
  std::chrono::seconds timeout;  // for each
  std::string_view what;         // of its scripts, for the log: "inventory"
};

// Runs them in the order of their names, but those that begin with a dot, end in '~', or are not executable; hands on what each printed.
// One that fails gives nothing, with a warning. Blocks; `stop` ends it within a quarter of a second.
void run_scripts(const ScriptFolder& folder, const std::atomic<bool>& stop,
                 const std::function<void(std::string_view output, std::string_view script)>& use);

// Calls `take` for each line that is not blank, without its end.
void for_each_line(std::string_view output, const std::function<void(std::string_view line)>& take);

}  // namespace aloft::agent
