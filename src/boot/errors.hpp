// Error numbers 5000-5099: boot control.
#pragma once

#include "base/result.hpp"

namespace aloft::boot {

inline constexpr ErrorCode kBootStateCorrupt{5000, ErrorKind::ask, "boot-state-corrupt"};
inline constexpr ErrorCode kBootStateWrite{5001, ErrorKind::retry, "boot-state-write"};
inline constexpr ErrorCode kUnknownSlot{5002, ErrorKind::ask, "unknown-slot"};
inline constexpr ErrorCode kNoOtherSlot{5003, ErrorKind::ask, "no-other-slot"};
inline constexpr ErrorCode kBadTries{5004, ErrorKind::ask, "bad-tries"};
inline constexpr ErrorCode kNotCounting{5005, ErrorKind::ask, "not-counting"};
inline constexpr ErrorCode kBootSetting{5006, ErrorKind::ask, "boot-setting"};
inline constexpr ErrorCode kBootStateFull{5007, ErrorKind::ask, "boot-state-full"};
inline constexpr ErrorCode kCustomFailed{5008, ErrorKind::retry, "boot-executable-failed"};
inline constexpr ErrorCode kCustomAnswer{5009, ErrorKind::ask, "boot-executable-answer"};

}  // namespace aloft::boot
