#include "base/toml_text.hpp"

#include <algorithm>
#include <string>

namespace aloft {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::size_t kMoreQuotes = 2;  // that may stand before the three that end a string of several lines

// Behind the string that begins at `at`. One that does not end goes to its line's end, or to the text's.
std::size_t skip_string(std::string_view text, std::size_t at) {
  const char quote = text[at];
  const bool lines = text.size() - at >= 3 && text[at + 1] == quote && text[at + 2] == quote;
  for (at += lines ? 3 : 1; at < text.size(); ++at) {
    if (text[at] == '\\' && quote == '"') {
      ++at;
    } else if (lines ? text.substr(at, 3) == std::string(3, quote) : text[at] == quote || text[at] == '\n') {
      at += lines ? 3 : 1;
      for (std::size_t more = 0; lines && more < kMoreQuotes && at < text.size() && text[at] == quote; ++more) ++at;
      break;
    }
  }
  return std::min(at, text.size());
}

}  // namespace

std::size_t find_stray_character(std::string_view text) {
  std::size_t at = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  bool may_begin_string = true;
  while (at < text.size()) {
    const char c = text[at];
    if (static_cast<unsigned char>(c) >= 0x80) return at;
    if (may_begin_string && (c == '"' || c == '\'')) {
      at = skip_string(text, at);
      may_begin_string = false;
    } else if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
    } else {
      may_begin_string = std::string_view(" \t\r\n=[{,.").contains(c);
      ++at;
    }
  }
  return std::string_view::npos;
}

}  // namespace aloft
