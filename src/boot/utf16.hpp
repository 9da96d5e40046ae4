// UTF-16LE as EFI has it, to and from UTF-8.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace aloft::boot {

// Without a terminating zero. What is no UTF-8 becomes U+FFFD.
std::string to_utf16le(std::string_view utf8);
// The text before the first zero unit, or all of it; unpaired surrogates become U+FFFD, an odd last byte is dropped.
std::string from_utf16le(std::string_view bytes);

}  // namespace aloft::boot
