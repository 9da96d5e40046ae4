// Lines of text taken apart.
#pragma once

#include <string_view>
#include <vector>

namespace aloft::agent {

// What stands between spaces and tabs; parts of line.
std::vector<std::string_view> words_of(std::string_view line);
// Without the blanks and line ends around it; a part of text.
std::string_view trimmed(std::string_view text);

}  // namespace aloft::agent
