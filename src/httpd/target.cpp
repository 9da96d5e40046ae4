#include "httpd/target.hpp"

#include <algorithm>

#include "httpd/errors.hpp"

namespace aloft::httpd {
namespace {

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return fail(kBadRequest, "the address ends inside a %-escape");
      const int high = digit_value(text[i + 1]);
      const int low = digit_value(text[i + 2]);
      if (high < 0 || low < 0) return fail(kBadRequest, "the address has a %-escape that is not hexadecimal");
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return fail(kBadRequest, "the address has a control character");
    decoded += c;
  }
  return decoded;
}

Result<std::vector<std::string>> parse_path(std::string_view path) {
  std::vector<std::string> segments;
  if (path == "/") return segments;
  segments.reserve(8);
  std::size_t at = 1;
  while (at <= path.size()) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    std::string segment = TRY(decode(path.substr(at, end - at), false));
    if (segment.empty() || segment == "." || segment == "..") return fail(kBadRequest, "the path has an empty, \".\" or \"..\" part");
    if (segment.find_first_of("/\\") != std::string::npos) return fail(kBadRequest, "the path hides a slash in a part");
    if (segments.size() == kMaxSegments) return fail(kBadRequest, "the path has too many parts");
    segments.push_back(std::move(segment));
    at = end + 1;
  }
  return segments;
}

}  // namespace

Result<Target> parse_target(std::string_view text) {
  if (text.size() > kMaxTargetBytes) return fail(kBadRequest, "the address is longer than " + std::to_string(kMaxTargetBytes) + " bytes");
  if (!text.starts_with('/')) return fail(kBadRequest, "the address must begin with \"/\"");
  Target target;
  const std::size_t question = std::min(text.find('?'), text.size());
  target.path = text.substr(0, question);
  target.segments = TRY(parse_path(target.path));
  std::size_t at = question + 1;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('&', at), text.size());
    const std::string_view member = text.substr(at, end - at);
    at = end + 1;
    if (member.empty()) continue;
    const std::size_t equals = std::min(member.find('='), member.size());
    std::string key = TRY(decode(member.substr(0, equals), true));
    std::string value = TRY(decode(member.substr(std::min(equals + 1, member.size())), true));
    if (target.query.size() == kMaxQueryMembers) return fail(kBadRequest, "the query has too many members");
    if (!target.query.emplace(std::move(key), std::move(value)).second) return fail(kBadRequest, "a member of the query stands twice");
  }
  return target;
}

}  // namespace aloft::httpd
