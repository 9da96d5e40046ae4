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

// What a string may begin behind, as far as a parser goes on reading.
class Position {
 public:
  // A string begins here, unless text of another kind has begun and no place for a string followed.
  bool takes_string() const { return !in_token_; }
  void passed_string() { in_token_ = true; }

  void pass(char c) {
    const bool stands_alone = !in_token_;
    in_token_ = false;
    switch (c) {
      case ' ':
      case '\t':
      case '\r': break;
      case '\n': in_value_ = !open_.empty(); break;
      case ',': in_value_ = !open_.ends_with('{'); break;
      case ']':
      case '}':
        if (open_.ends_with(c == ']' ? '[' : '{')) open_.pop_back();
        in_value_ = true;
        break;
      default:
        if (!in_value_ && c == '=') {
          in_value_ = true;
        } else if (in_value_ && stands_alone && (c == '[' || c == '{')) {
          open_ += c;
          in_value_ = c == '[';
        } else {
          in_token_ = in_value_ || (c != '.' && c != '[');
        }
    }
  }

 private:
  std::string open_;       // brackets of arrays and inline tables
  bool in_value_ = false;  // else in a key, or in a table's name
  bool in_token_ = false;  // a number, a bare key and the like, or what follows a string
};

}  // namespace

std::size_t find_stray_character(std::string_view text) {
  std::size_t at = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  Position position;
  while (at < text.size()) {
    const char c = text[at];
    if (static_cast<unsigned char>(c) >= 0x80) return at;
    if (c == '"' || c == '\'') {
      if (!position.takes_string()) {  // no TOML, and nobody knows what is a string from here on
        while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
        return at < text.size() ? at : std::string_view::npos;
      }
      at = skip_string(text, at);
      position.passed_string();
    } else if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
    } else {
      position.pass(c);
      ++at;
    }
  }
  return std::string_view::npos;
}

}  // namespace aloft
