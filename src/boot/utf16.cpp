#include "boot/utf16.hpp"

#include <cstdint>

namespace aloft::boot {
namespace {

constexpr char32_t kReplacement = 0xfffd;

unsigned char byte_at(std::string_view text, std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0; }

// One code point; moves `at` behind it.
char32_t next_utf8(std::string_view text, std::size_t& at) {
  const unsigned char lead = byte_at(text, at++);
  if (lead < 0x80) return lead;
  const unsigned more = lead >= 0xf0 ? 3U : lead >= 0xe0 ? 2U : 1U;
  if (lead < 0xc2 || lead > 0xf4) return kReplacement;
  char32_t point = lead & (0x3fU >> more);
  for (unsigned i = 0; i < more; ++i) {
    const unsigned char byte = byte_at(text, at);
    if ((byte & 0xc0U) != 0x80) return kReplacement;
    point = (point << 6) | (byte & 0x3fU);
    ++at;
  }
  constexpr char32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
  const bool surrogate = point >= 0xd800 && point < 0xe000;
  return surrogate || point > 0x10ffff || point < kLeast[more] ? kReplacement : point;
}

void add_unit(std::string& out, char32_t unit) {
  out += static_cast<char>(unit & 0xff);
  out += static_cast<char>(unit >> 8);
}

void add_utf8(std::string& out, char32_t point) {
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xc0 | (point >> 6));
    out += static_cast<char>(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    out += static_cast<char>(0xe0 | (point >> 12));
    out += static_cast<char>(0x80 | ((point >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (point & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (point >> 18));
    out += static_cast<char>(0x80 | ((point >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((point >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (point & 0x3f));
  }
}

char32_t unit_at(std::string_view bytes, std::size_t at) {
  return byte_at(bytes, at) | (static_cast<char32_t>(byte_at(bytes, at + 1)) << 8);
}

}  // namespace

std::string to_utf16le(std::string_view utf8) {
  std::string out;
  for (std::size_t at = 0; at < utf8.size();) {
    const char32_t point = next_utf8(utf8, at);
    if (point >= 0x10000) {
      add_unit(out, 0xd800 + ((point - 0x10000) >> 10));
      add_unit(out, 0xdc00 + ((point - 0x10000) & 0x3ff));
    } else {
      add_unit(out, point);
    }
  }
  return out;
}

std::string from_utf16le(std::string_view bytes) {
  std::string out;
  for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) {
    char32_t point = unit_at(bytes, at);
    if (point == 0) break;
    if (point >= 0xd800 && point < 0xe000) {
      const char32_t low = at + 3 < bytes.size() ? unit_at(bytes, at + 2) : 0;
      const bool pair = point < 0xdc00 && low >= 0xdc00 && low < 0xe000;
      if (pair) at += 2;
      point = pair ? 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00) : kReplacement;
    }
    add_utf8(out, point);
  }
  return out;
}

}  // namespace aloft::boot
