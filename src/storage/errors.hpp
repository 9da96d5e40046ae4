// Error numbers 4000-4099: devices and what is written to them.
#pragma once

#include "base/result.hpp"

namespace aloft::storage {

inline constexpr ErrorCode kDeviceBusy{4000, ErrorKind::ask, "device-busy"};
inline constexpr ErrorCode kOutsideDevice{4001, ErrorKind::bug, "outside-device"};
inline constexpr ErrorCode kReadBack{4002, ErrorKind::retry, "read-back"};
inline constexpr ErrorCode kCancelled{4003, ErrorKind::reject, "install-cancelled"};
inline constexpr ErrorCode kNotADevice{4004, ErrorKind::ask, "not-a-device"};

}  // namespace aloft::storage
