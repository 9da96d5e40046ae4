#include "base/toml_text.hpp"

#include <algorithm>
#include <string>

namespace aloft {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::size_t kMoreQuotes = 2;  // that may stand before the three that end a string of several lines

constexpr bool is_beyond_ascii(char c) { return static_cast<unsigned char>(c) >= 0x80; }

struct StringEnd {
  std::size_t at;
  bool stray = false;  // what stands there is a character that no parser should meet
};

// Behind the string that begins at `at`. One that does not end goes to its line's end, or to the text's. Behind a backslash in a string of
// several lines, and behind the whitespace that it joins lines over, a parser asks whether a character is whitespace, too.
StringEnd skip_string(std::string_view text, std::size_t at) {
  const char quote = text[at];
  const bool lines = text.size() - at >= 3 && text[at + 1] == quote && text[at + 2] == quote;
  bool joins = false;
  for (at += lines ? 3 : 1; at < text.size(); ++at) {
    const char c = text[at];
    if (joins && is_beyond_ascii(c)) return {at, true};
    if (c == '\\' && quote == '"') {
      const std::string_view next = text.substr(at + 1, 1);
      if (lines && !next.empty() && (is_beyond_ascii(next[0]) || next[0] <= ' '))
        joins = true;
      else
        ++at;
    } else if (lines ? text.substr(at, 3) == std::string(3, quote) : c == quote || c == '\n') {
      at += lines ? 3 : 1;
      for (std::size_t more = 0; lines && more < kMoreQuotes && at < text.size() && text[at] == quote; ++more) ++at;
      break;
    } else if (c > ' ' && c != quote) {
      joins = false;
    }
  }
  return {std::min(at, text.size())};
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
    if (is_beyond_ascii(c)) return at;
    if (c == '"' || c == '\'') {
      if (!position.takes_string()) {  // no TOML, and nobody knows what is a string from here on
        while (at < text.size() && !is_beyond_ascii(text[at])) ++at;
        return at < text.size() ? at : std::string_view::npos;
      }
      const StringEnd end = skip_string(text, at);
      if (end.stray) return end.at;
      at = end.at;
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
