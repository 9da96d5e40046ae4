// JSON as clients of hawkBit's protocol really write it: SWUpdate copies log lines into strings without escaping them.
#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"

namespace aloft::ddi {

// The text with what can be mended inside its strings mended: raw control characters, stray quotes and backslashes, bytes that are no
// UTF-8. A quote ends a string only where what follows can follow a
// string there. What is JSON already may change only there.
std::string mended(std::string_view text);
// Strictly first, then mended. Errors: kBadJson.
Result<Json> parse_leniently(std::string_view text);
// Null where there is no object, or no such member.
const Json* member(const Json* object, const char* key);

}  // namespace aloft::ddi
