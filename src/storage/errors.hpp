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
inline constexpr ErrorCode kNoTable{4011, ErrorKind::ask, "no-partition-table"};
inline constexpr ErrorCode kBadPartition{4012, ErrorKind::ask, "bad-partition"};
inline constexpr ErrorCode kNoPartition{4013, ErrorKind::ask, "no-partition"};
inline constexpr ErrorCode kSwitchContent{4014, ErrorKind::ask, "switch-content"};
inline constexpr ErrorCode kNoHeader{4015, ErrorKind::reject, "no-header"};
inline constexpr ErrorCode kEmmc{4016, ErrorKind::ask, "emmc"};
inline constexpr ErrorCode kHandler{4017, ErrorKind::reject, "handler-failed"};
inline constexpr ErrorCode kHandlerBusy{4018, ErrorKind::retry, "handler-busy"};
inline constexpr ErrorCode kModule{4019, ErrorKind::reject, "update-module"};
inline constexpr ErrorCode kFlashFull{4020, ErrorKind::ask, "flash-full"};
inline constexpr ErrorCode kFlashEcc{4021, ErrorKind::retry, "flash-ecc"};
inline constexpr ErrorCode kFlashFailing{4022, ErrorKind::ask, "flash-failing"};
inline constexpr ErrorCode kUbi{4023, ErrorKind::ask, "ubi"};
inline constexpr ErrorCode kUbiFull{4024, ErrorKind::ask, "ubi-full"};
inline constexpr ErrorCode kUbifsGeometry{4025, ErrorKind::reject, "ubifs-geometry"};
inline constexpr ErrorCode kEmmcRefuses{4026, ErrorKind::ask, "emmc-refuses"};

}  // namespace aloft::storage
