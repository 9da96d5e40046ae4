// Times as they are stored and sent.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.hpp"

namespace aloft {

// Milliseconds since 1970-01-01 00:00 UTC; 0 for times before it.
inline std::uint64_t unix_ms(WallTime time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.time_since_epoch().count(), 0));
}

}  // namespace aloft
