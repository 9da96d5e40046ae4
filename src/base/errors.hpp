// Error numbers 1000-1099: files, encodings, JSON, programs.
#pragma once

#include "base/result.hpp"

namespace aloft {

inline constexpr ErrorCode kIo{1000, ErrorKind::retry, "io"};
inline constexpr ErrorCode kNotFound{1001, ErrorKind::ask, "not-found"};
inline constexpr ErrorCode kNoSpace{1002, ErrorKind::retry, "no-space"};
inline constexpr ErrorCode kPermission{1003, ErrorKind::ask, "permission"};
inline constexpr ErrorCode kTooLarge{1004, ErrorKind::reject, "too-large"};
inline constexpr ErrorCode kUnexpectedEnd{1005, ErrorKind::retry, "unexpected-end"};
inline constexpr ErrorCode kBadEncoding{1006, ErrorKind::reject, "bad-encoding"};
inline constexpr ErrorCode kBadJson{1007, ErrorKind::reject, "bad-json"};
inline constexpr ErrorCode kBadArgument{1008, ErrorKind::ask, "bad-argument"};
inline constexpr ErrorCode kProcess{1009, ErrorKind::retry, "process"};
inline constexpr ErrorCode kBusy{1010, ErrorKind::ask, "busy"};

}  // namespace aloft
