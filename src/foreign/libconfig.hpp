// The configuration language of libconfig (its manual, section 5), in which SWUpdate's sw-description is written. Nothing is included
// from other files.
#pragma once

#include <string_view>

#include "base/json.hpp"

namespace aloft::foreign {

inline constexpr std::size_t kMaxConfigBytes = 1U << 20;
inline constexpr std::size_t kMaxConfigDepth = 16;

// Groups become objects, lists and arrays arrays. Errors: kBadDescription, with the line.
Result<Json> parse_libconfig(std::string_view text);

}  // namespace aloft::foreign
