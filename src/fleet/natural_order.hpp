// How filters compare text: letters of ASCII without their case, runs of digits by their value. So 2.9 < 2.10 and "Rev-B" == "rev-b".
#pragma once

#include <string_view>

namespace aloft::fleet {

// Below, at or above 0, as in strcmp. A total order; texts that differ only in case or in leading zeros are equal.
int natural_order(std::string_view left, std::string_view right);

// Whether the text fits the pattern, without regard to the case of ASCII letters. In the pattern '*' stands for any text, "\*" for an
// asterisk and "\\" for a backslash.
bool fits_pattern(std::string_view text, std::string_view pattern);

}  // namespace aloft::fleet
