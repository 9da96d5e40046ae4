// What names in a manifest may look like: safe as file names, in shells, logs and terminals.
#pragma once

#include <string_view>

namespace aloft::bundle {

bool is_image_name(std::string_view name);  // 1-64 of a-z 0-9 . _ -, beginning with a letter or digit
bool is_identifier(std::string_view text);  // product, hardware, version: 1-64 of A-Z a-z 0-9 . _ + , : ~ -
bool is_printable(std::string_view utf8);   // no control characters (C0 but line feed, DEL, C1)

}  // namespace aloft::bundle
