// Error numbers 8000-8003: configuration files, the agent's and the server's.
#pragma once

#include "base/result.hpp"

namespace aloft {

inline constexpr ErrorCode kConfigSyntax{8000, ErrorKind::ask, "config-syntax"};
inline constexpr ErrorCode kConfigUnknownKey{8001, ErrorKind::ask, "config-unknown-key"};
inline constexpr ErrorCode kConfigValue{8002, ErrorKind::ask, "config-value"};
inline constexpr ErrorCode kConfigMissing{8003, ErrorKind::ask, "config-missing"};

}  // namespace aloft
