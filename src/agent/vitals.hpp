// Collects how the device is, at intervals, and keeps the book on it: metrics by executables of a folder, free space, reboots, time up.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "agent/config.hpp"
#include "agent/vitals_book.hpp"

namespace aloft::agent {

// One metric a line, "NAME VALUE" with a decimal number; other lines, and more than the protocol takes, are passed over with a warning. A
// name that stands twice has the later value.
void read_metrics(std::string_view output, std::string_view script, Metrics& metrics);

// What the scripts say, and the free space of state_dir's file system as "free-mib.state". Blocks.
Metrics collect_metrics(const MetricsConfig& config, const std::filesystem::path& state_dir, const std::atomic<bool>& stop);

class VitalsKeeper {
 public:
  struct Places {
    std::filesystem::path state_dir;
    std::vector<std::filesystem::path> panic_dirs;
  };
  // Clock must outlive it.
  VitalsKeeper(MetricsConfig config, Places places, Clock& clock);
  ~VitalsKeeper() { stop(); }
  VitalsKeeper(const VitalsKeeper&) = delete;
  VitalsKeeper& operator=(const VitalsKeeper&) = delete;

  // Enters this start, and begins to collect in a thread of its own: at once and then every interval. changed: there is something to tell.
  void start(const std::string& version, const std::string& boot_id, const WatchdogFacts& watchdog, std::function<void()> changed);
  // Ends the thread and notes that this was in order.
  void stop();
  // The machine restarts on our account; or that could not be done.
  void restarting(bool really);
  // Safe from any thread. Nothing before start().
  std::optional<protocol::Vitals> latest() const;

 private:
  void work(const std::function<void()>& changed);
  const MetricsConfig config_;
  const Places places_;
  Clock& clock_;
  std::atomic<bool> ending_ = false;
  mutable std::mutex mutex_;
  std::condition_variable woken_;
  std::optional<VitalsBook> book_;
  std::thread thread_;
};

}  // namespace aloft::agent
