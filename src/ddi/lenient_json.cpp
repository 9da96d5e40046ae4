#include "ddi/lenient_json.hpp"

namespace aloft::ddi {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

char first_of(std::string_view text) {
  const std::size_t at = text.find_first_not_of(kBlank);
  return at == std::string_view::npos ? '\0' : text[at];
}

// rest: behind the quote. bracket: the innermost that is open.
bool ends_a_string(std::string_view rest, char bracket) {
  const char next = first_of(rest);
  if (next == '\0') return true;
  if (next == ',') {
    const char behind = first_of(rest.substr(rest.find(',') + 1));
    return behind == '"' || (bracket == '[' && std::string_view("[{-0123456789").find(behind) != std::string_view::npos);
  }
  return bracket == '{' ? next == ':' || next == '}' : next == ']';
}

bool is_escape(std::string_view rest) {
  if (rest.empty()) return false;
  if (std::string_view("\"\\/bfnrt").find(rest.front()) != std::string_view::npos) return true;
  return rest.front() == 'u' && rest.size() > 4 && rest.substr(1, 4).find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

bool is_utf8(std::string_view text) {
  const Json probe = std::string(text);
  return probe.dump(-1, ' ', false, Json::error_handler_t::ignore) == probe.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// What stands for one character inside a string.
std::string inside(char c, bool plain_ascii) {
  const auto value = static_cast<unsigned char>(c);
  if (value >= 0x20) return std::string(1, value >= 0x80 && plain_ascii ? '?' : c);
  return c == '\n' ? "\\n" : c == '\t' ? "\\t" : " ";
}

}  // namespace

std::string mended(std::string_view text) {
  const bool plain_ascii = !is_utf8(text);
  std::string out;
  std::string brackets;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const std::string_view rest = text.substr(at + 1);
    if (!in_string) {
      if (c == '{' || c == '[') brackets += c;
      if ((c == '}' || c == ']') && !brackets.empty()) brackets.pop_back();
      in_string = c == '"';
      out += c;
    } else if (c == '"' && ends_a_string(rest, brackets.empty() ? '\0' : brackets.back())) {
      in_string = false;
      out += c;
    } else if (c == '"') {
      out += "\\\"";
    } else if (c == '\\' && is_escape(rest)) {
      out += c;
      out += rest.front();
      ++at;
    } else {
      out += c == '\\' ? "\\\\" : inside(c, plain_ascii);
    }
  }
  return out;
}

Result<Json> parse_leniently(std::string_view text) {
  Result<Json> strict = parse_json(text);
  if (strict) return strict;
  Result<Json> again = parse_json(mended(text));
  return again ? again : strict;
}

const Json* member(const Json* object, const char* key) {
  if (object == nullptr || !object->is_object()) return nullptr;
  const auto found = object->find(key);
  return found == object->end() ? nullptr : &*found;
}

}  // namespace aloft::ddi
