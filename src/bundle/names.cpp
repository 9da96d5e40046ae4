#include "bundle/names.hpp"

#include <algorithm>

namespace aloft::bundle {
namespace {

constexpr std::size_t kMaxNameBytes = 64;

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_image_char(char c) { return is_lower_or_digit(c) || c == '.' || c == '_' || c == '-'; }
bool is_identifier_char(char c) { return is_image_char(c) || (c >= 'A' && c <= 'Z') || c == '+' || c == ',' || c == ':' || c == '~'; }
bool fits(std::string_view text) { return !text.empty() && text.size() <= kMaxNameBytes; }

}  // namespace

bool is_image_name(std::string_view name) {
  return fits(name) && is_lower_or_digit(name.front()) && std::ranges::all_of(name, is_image_char);
}

bool is_identifier(std::string_view text) { return fits(text) && std::ranges::all_of(text, is_identifier_char); }

bool is_printable(std::string_view utf8) {
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    if ((c < 0x20 && c != '\n') || c == 0x7f) return false;
    if (c == 0xc2 && i + 1 < utf8.size() && static_cast<unsigned char>(utf8[i + 1]) < 0xa0) return false;  // U+0080 to U+009F
  }
  return true;
}

}  // namespace aloft::bundle
