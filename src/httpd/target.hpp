// A request's target, taken apart: "/a/b%20c?x=1" is segments {"a", "b c"} and query {x: 1}.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace aloft::httpd {

inline constexpr std::size_t kMaxTargetBytes = 4096;
inline constexpr std::size_t kMaxSegments = 16;
inline constexpr std::size_t kMaxQueryMembers = 32;

struct Target {
  std::string path;                                       // as sent, without the query: to be shown, not to be judged by
  std::vector<std::string> segments;                      // decoded; "/" has none
  std::map<std::string, std::string, std::less<>> query;  // decoded
};

// Strict: begins with "/", no empty, "." or ".." segment even when written with %-escapes, no control characters, no "/" or "\" from an
// escape, valid escapes, no query member twice. Errors: kBadRequest.
Result<Target> parse_target(std::string_view text);

}  // namespace aloft::httpd
