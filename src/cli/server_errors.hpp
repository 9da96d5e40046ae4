// Error numbers 10050-10099: the commands that talk to a server.
#pragma once

#include "base/result.hpp"

namespace aloft::cli {

inline constexpr ErrorCode kNotLoggedIn{10050, ErrorKind::ask, "not-logged-in"};
inline constexpr ErrorCode kNotConfirmed{10051, ErrorKind::ask, "not-confirmed"};
inline constexpr ErrorCode kNotCommitted{10052, ErrorKind::ask, "not-committed"};
inline constexpr ErrorCode kNoSuchRelease{10053, ErrorKind::ask, "no-such-release"};
inline constexpr ErrorCode kWatchTimeout{10054, ErrorKind::retry, "watch-timeout"};

}  // namespace aloft::cli
