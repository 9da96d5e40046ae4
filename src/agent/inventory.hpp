// What the device finds out about itself: every executable of a folder prints KEY=VALUE lines, which the server gets when they change.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "agent/config.hpp"
#include "base/result.hpp"

namespace aloft::agent {

using Attributes = std::map<std::string, std::string>;

// One attribute a line; lines without '=', with a bad key or value, and more than the protocol takes are passed over with a warning. A
// key that stands twice has the later value.
void read_attributes(std::string_view output, std::string_view script, Attributes& attributes);

// Runs the scripts in the order of their names, each for at most config.timeout. One that fails gives nothing, with a warning. Blocks.
Attributes collect_inventory(const InventoryConfig& config, const std::atomic<bool>& stop);

// Collects at once and then every config.interval, in a thread of its own.
class Inventory {
 public:
  explicit Inventory(InventoryConfig config) : config_(std::move(config)) {}
  ~Inventory() { stop(); }
  Inventory(const Inventory&) = delete;
  Inventory& operator=(const Inventory&) = delete;
  // changed: called from that thread when what was collected is not what it was. Without the folder there is no thread, and nothing.
  void start(std::function<void()> changed);
  void stop();
  // Safe from any thread. Nothing until it was collected for the first time.
  std::optional<Attributes> latest() const;

 private:
  void work(const std::function<void()>& changed);
  const InventoryConfig config_;
  std::atomic<bool> ending_ = false;
  mutable std::mutex mutex_;
  std::condition_variable woken_;
  std::optional<Attributes> latest_;
  std::thread thread_;
};

}  // namespace aloft::agent
