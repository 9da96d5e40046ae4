// The header Retry-After (RFC 9110 section 10.2.3).
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace aloft::net {

// Its whole seconds, 2^32-1 at most. Nothing for its other form, a date: clocks of devices are not to be relied on.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view text);

}  // namespace aloft::net
