#include "base/clock.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace aloft {

WallTime SystemClock::now() { return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

SteadyTime SystemClock::steady() { return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now()); }

std::string to_iso8601(WallTime time) {
  const auto since = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  const std::time_t whole = static_cast<std::time_t>(seconds.count());
  std::tm parts{};
  ::gmtime_r(&whole, &parts);
  std::array<char, 64> text{};
  const auto length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::array<char, 16> tail{};
  std::snprintf(tail.data(), tail.size(), ".%03dZ", static_cast<int>((since - seconds).count()));
  return std::string(text.data(), length) + tail.data();
}

}  // namespace aloft
