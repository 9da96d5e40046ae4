#include "fleet/natural_order.hpp"

#include <algorithm>
#include <cstddef>

namespace aloft::fleet {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// The run of digits at the beginning, without leading zeros; `text` goes on behind it.
std::string_view take_number(std::string_view& text) {
  while (text.size() > 1 && text[0] == '0' && is_digit(text[1])) text.remove_prefix(1);
  std::size_t end = 0;
  while (end < text.size() && is_digit(text[end])) ++end;
  const std::string_view number = text.substr(0, end);
  text.remove_prefix(end);
  return number;
}

int sign(int value) { return value < 0 ? -1 : (value > 0 ? 1 : 0); }

int order_numbers(std::string_view& left, std::string_view& right) {
  const std::string_view a = take_number(left);
  const std::string_view b = take_number(right);
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return sign(a.compare(b));
}

}  // namespace

int natural_order(std::string_view left, std::string_view right) {
  while (!left.empty() && !right.empty()) {
    if (is_digit(left.front()) && is_digit(right.front())) {
      if (const int order = order_numbers(left, right); order != 0) return order;
      continue;
    }
    const auto a = static_cast<unsigned char>(lower(left.front()));
    const auto b = static_cast<unsigned char>(lower(right.front()));
    if (a != b) return a < b ? -1 : 1;
    left.remove_prefix(1);
    right.remove_prefix(1);
  }
  if (left.empty() && right.empty()) return 0;
  return left.empty() ? -1 : 1;
}

bool fits_pattern(std::string_view text, std::string_view pattern) {
  std::size_t t = 0;
  std::size_t p = 0;
  std::size_t star = std::string_view::npos;  // where to go on in the pattern when the last '*' has to take more
  std::size_t taken = 0;
  while (t < text.size() || p < pattern.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      taken = t;
      continue;
    }
    const bool escaped = p + 1 < pattern.size() && pattern[p] == '\\';
    const std::size_t at = escaped ? p + 1 : p;
    if (t < text.size() && at < pattern.size() && lower(pattern[at]) == lower(text[t])) {
      p = at + 1;
      ++t;
      continue;
    }
    if (star == std::string_view::npos || taken >= text.size()) return false;
    p = star;
    t = ++taken;
  }
  return true;
}

}  // namespace aloft::fleet
