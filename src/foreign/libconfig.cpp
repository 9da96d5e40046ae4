#include "foreign/libconfig.hpp"

#include <algorithm>
#include <charconv>

#include "foreign/errors.hpp"

namespace aloft::foreign {
namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '*' || c == '.' ||
         c == '+';
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Json> run() {
    Json root = TRY(settings('\0', 0));
    skip();
    if (at_ != text_.size()) return wrong("a setting");
    return root;
  }

 private:
  std::unexpected<Error> wrong(std::string_view expected) const {
    const auto line = 1 + std::ranges::count(text_.substr(0, at_), '\n');
    return fail(kBadDescription, "line " + std::to_string(line) + ": here should be " + std::string(expected));
  }

  bool starts(std::string_view word) const { return text_.substr(at_).starts_with(word); }

  // Blanks and comments.
  void skip() {
    while (at_ < text_.size()) {
      if (std::string_view(" \t\r\n\f\v").find(text_[at_]) != std::string_view::npos) {
        ++at_;
      } else if (text_[at_] == '#' || starts("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (starts("/*")) {
        const std::size_t end = text_.find("*/", at_ + 2);
        at_ = end == std::string_view::npos ? text_.size() : end + 2;
      } else {
        return;
      }
    }
  }

  bool take(char c) {
    skip();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string_view word() {
    skip();
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  Result<Json> settings(char end, std::size_t depth) {
    Json group = Json::object();
    while (true) {
      skip();
      if (at_ == text_.size() || (end != '\0' && text_[at_] == end)) return group;
      const std::string name(word());
      if (name.empty()) return wrong("the name of a setting");
      if (!take('=') && !take(':')) return wrong("\"=\" or \":\" behind the name " + name);
      Json value = TRY(this->value(depth));
      if (group.contains(name)) return wrong("another name: " + name + " stands there twice");
      group.emplace(name, std::move(value));
      if (!take(';')) take(',');
    }
  }

  Result<Json> elements(char end, std::size_t depth) {
    Json list = Json::array();
    while (!take(end)) {
      if (!list.empty() && !take(',')) return wrong("\",\" or the end of the list");
      if (take(end)) break;
      list.push_back(TRY(value(depth)));
    }
    return list;
  }

  Result<Json> value(std::size_t depth) {
    if (depth == kMaxConfigDepth) return wrong("nothing: it is nested too deeply");
    if (take('{')) {
      Json group = TRY(settings('}', depth + 1));
      if (!take('}')) return wrong("\"}\"");
      return group;
    }
    if (take('(')) return elements(')', depth + 1);
    if (take('[')) return elements(']', depth + 1);
    if (at_ < text_.size() && text_[at_] == '"') return strings();
    return scalar();
  }

  // "one" "after" "another" are one.
  Result<Json> strings() {
    std::string all;
    while (take('"')) {
      while (at_ < text_.size() && text_[at_] != '"') TRY(character(all));
      if (!take('"')) return wrong("the end of the text");
    }
    return Json(all);
  }

  Result<> character(std::string& out) {
    const char c = text_[at_++];
    if (c != '\\') {
      out += c;
      return {};
    }
    if (at_ == text_.size()) return wrong("the end of the text");
    const char escape = text_[at_++];
    if (escape == 'x') {
      unsigned value = 0;
      const std::string_view digits = text_.substr(at_, 2);
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
      if (error != std::errc{} || end != digits.data() + 2) return wrong("two hexadecimal digits");
      out += static_cast<char>(value);
      at_ += 2;
      return {};
    }
    constexpr std::string_view kNames = "nrtfav\\\"";
    constexpr std::string_view kValues = "\n\r\t\f\a\v\\\"";
    const std::size_t found = kNames.find(escape);
    out += found == std::string_view::npos ? escape : kValues[found];
    return {};
  }

  Result<Json> scalar() {
    std::string text(word());
    if (text.empty()) return wrong("a value");
    std::string lower = text;
    std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (lower == "true" || lower == "false") return Json(lower == "true");
    while (lower.ends_with('l')) lower.pop_back();
    const bool hexadecimal = lower.starts_with("0x");
    const std::string_view digits = std::string_view(lower).substr(hexadecimal ? 2 : lower.starts_with('+') ? 1 : 0);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, hexadecimal ? 16 : 10);
    if (error == std::errc{} && end == digits.data() + digits.size()) return Json(number);
    double real = 0;
    const auto [real_end, real_error] = std::from_chars(digits.data(), digits.data() + digits.size(), real);
    if (!hexadecimal && real_error == std::errc{} && real_end == digits.data() + digits.size()) return Json(real);
    return wrong("a text in quotes, a number, true or false");
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Json> parse_libconfig(std::string_view text) {
  if (text.size() > kMaxConfigBytes) return fail(kBadDescription, "it is larger than " + std::to_string(kMaxConfigBytes) + " bytes");
  return Parser(text).run();
}

}  // namespace aloft::foreign
