// The hardware watchdog, after the kernel's Documentation/watchdog/watchdog-api.rst. Opened, it resets the machine unless it is pinged.
#pragma once

#include <chrono>
#include <filesystem>

#include "base/file.hpp"
#include "base/result.hpp"

namespace aloft::agent {

class Watchdog {
 public:
  // Starts it. A regular file may stand in for the device: pings and the farewell are then written to it. Errors: kWatchdog; the machine
  // runs on without one.
  static Result<Watchdog> open(const std::filesystem::path& device, std::chrono::seconds timeout);

  // Puts the reset off by timeout().
  void ping();
  // Says the magic 'V' and closes: the reset is called off, where the driver allows (nowayout does not).
  void disarm();

  std::chrono::seconds timeout() const { return timeout_; }    // what the driver made of the wish
  bool caused_last_boot() const { return caused_last_boot_; }  // WDIOF_CARDRESET
  bool armed() const { return static_cast<bool>(fd_); }

 private:
  Fd fd_;  // closed without the magic by the destructor: the reset stays due
  std::chrono::seconds timeout_{};
  bool caused_last_boot_ = false;
};

}  // namespace aloft::agent
