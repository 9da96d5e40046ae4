// Error numbers 10000-10099: the command line.
#pragma once

#include "base/result.hpp"

namespace aloft::cli {

inline constexpr ErrorCode kExists{10000, ErrorKind::ask, "file-exists"};
inline constexpr ErrorCode kBadDescription{10001, ErrorKind::ask, "bad-description-file"};
inline constexpr ErrorCode kNotThisAuthority{10002, ErrorKind::ask, "not-this-authority"};

}  // namespace aloft::cli
