// Looks at TOML text before it is parsed.
#pragma once

#include <string_view>

namespace aloft {

// Where the first character beyond ASCII stands that is in no string and no comment, and no mark of byte order at the beginning, or that
// is the first behind a backslash in a string of several lines, or behind the lines that this joins; npos: nowhere. Of text that is no TOML
// it finds all that a parser meets before it can know.
std::size_t find_stray_character(std::string_view text);

}  // namespace aloft
