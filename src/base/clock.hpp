// Time as the program sees it, passed in so that tests and simulations own it.
#pragma once

#include <chrono>
#include <string>

namespace aloft {

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::milliseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime now() = 0;       // may jump; may be 1970 after a power cut
  virtual SteadyTime steady() = 0;  // since boot; never goes back
};

class SystemClock final : public Clock {
 public:
  WallTime now() override;
  SteadyTime steady() override;
};

// Stands still until told.
class FakeClock final : public Clock {
 public:
  WallTime now() override { return wall_; }
  SteadyTime steady() override { return steady_; }
  void advance(std::chrono::milliseconds by) {
    wall_ += by;
    steady_ += by;
  }

 private:
  WallTime wall_{std::chrono::milliseconds{1'700'000'000'000}};
  SteadyTime steady_{};
};

// "2026-01-31T12:00:00.000Z"
std::string to_iso8601(WallTime time);

}  // namespace aloft
