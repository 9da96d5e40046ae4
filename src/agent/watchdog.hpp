// The hardware watchdog, after the kernel's Documentation/watchdog/watchdog-api.rst. Opened, it resets the machine unless it is pinged.
#pragma once

#include <chrono>
#include <filesystem>

#include "base/file.hpp"
#include "base/result.hpp"

namespace aloft::agent {

class Watchdog {
 public:
  // Starts it, or takes over one that runs. A regular file may stand in for the device: pings and the farewell are then written to it.
  // Errors: kWatchdogHeld where another process has it open, else kWatchdog; the machine runs on without one.
  static Result<Watchdog> open(const std::filesystem::path& device, std::chrono::seconds timeout);

  // Puts the reset off by timeout().
  void ping();
  // Says the magic 'V' and closes: the reset is called off, where the driver allows (nowayout does not).
  void disarm();

  std::chrono::seconds timeout() const { return timeout_; }  // what the driver made of the wish

 private:
  Fd fd_;  // closed without the magic by the destructor: the reset stays due
  std::chrono::seconds timeout_{};
};

// What the kernel says of a watchdog without its being opened, which would start it. Files that are missing read as false.
struct WatchdogFacts {
  bool running = false;            // whoever started it: boot loader, initramfs, another process
  bool cannot_be_stopped = false;  // "nowayout"
  bool caused_last_boot = false;   // WDIOF_CARDRESET in the status at boot
  bool overheated = false;         // WDIOF_OVERHEAT there
  bool power_fault = false;        // WDIOF_POWERUNDER or WDIOF_POWEROVER
};
// sysfs: /sys/class/watchdog, after Documentation/ABI/testing/sysfs-class-watchdog.
WatchdogFacts watchdog_facts(const std::filesystem::path& device, const std::filesystem::path& sysfs);

}  // namespace aloft::agent
