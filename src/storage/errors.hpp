// Error numbers 4000-4099: devices and what is written to them.
#pragma once

#include "base/result.hpp"

namespace aloft::storage {

inline constexpr ErrorCode kDeviceBusy{4000, ErrorKind::ask, "device-busy"};
inline constexpr ErrorCode kOutsideDevice{4001, ErrorKind::bug, "outside-device"};
inline constexpr ErrorCode kReadBack{4002, ErrorKind::retry, "read-back"};
inline constexpr ErrorCode kCancelled{4003, ErrorKind::reject, "install-cancelled"};
inline constexpr ErrorCode kNotADevice{4004, ErrorKind::ask, "not-a-device"};
inline constexpr ErrorCode kNoRow{4005, ErrorKind::reject, "no-such-write"};
inline constexpr ErrorCode kMount{4006, ErrorKind::ask, "mount-failed"};
inline constexpr ErrorCode kBadArchive{4007, ErrorKind::reject, "bad-archive"};
inline constexpr ErrorCode kTreeEntry{4008, ErrorKind::reject, "tree-entry"};
inline constexpr ErrorCode kNotOnFat{4009, ErrorKind::ask, "not-on-fat"};
inline constexpr ErrorCode kSlotFull{4010, ErrorKind::reject, "slot-full"};

}  // namespace aloft::storage
