// Error numbers 5000-5099: boot control.
#pragma once

#include "base/result.hpp"

namespace aloft::boot {

inline constexpr ErrorCode kBootStateCorrupt{5000, ErrorKind::ask, "boot-state-corrupt"};
inline constexpr ErrorCode kBootStateWrite{5001, ErrorKind::retry, "boot-state-write"};
inline constexpr ErrorCode kUnknownSlot{5002, ErrorKind::ask, "unknown-slot"};
inline constexpr ErrorCode kNoOtherSlot{5003, ErrorKind::ask, "no-other-slot"};
inline constexpr ErrorCode kBadTries{5004, ErrorKind::ask, "bad-tries"};

}  // namespace aloft::boot
