#include "crypto/der.hpp"

#include <algorithm>

#include "crypto/errors.hpp"

namespace aloft::crypto::der {
namespace {

void append(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

}  // namespace

Bytes element(std::uint8_t tag, ByteView content) {
  Bytes out{std::byte{tag}};
  const std::size_t size = content.size();
  if (size < 0x80) {
    out.push_back(static_cast<std::byte>(size));
  } else {
    std::size_t octets = 1;
    while (size >> (8 * octets) != 0) ++octets;
    out.push_back(static_cast<std::byte>(0x80 | octets));
    for (std::size_t i = octets; i-- > 0;) out.push_back(static_cast<std::byte>(size >> (8 * i) & 0xff));
  }
  append(out, content);
  return out;
}

Bytes element(std::uint8_t tag, std::initializer_list<Bytes> parts) {
  Bytes content;
  for (const auto& part : parts) append(content, part);
  return element(tag, content);
}

Bytes set_of(std::uint8_t tag, std::vector<Bytes> members) {
  std::ranges::sort(members);
  const auto repeated = std::ranges::unique(members);
  members.erase(repeated.begin(), repeated.end());
  Bytes content;
  for (const auto& member : members) append(content, member);
  return element(tag, content);
}

Result<std::vector<Element>> elements(ByteView bytes) {
  std::vector<Element> out;
  while (!bytes.empty()) {
    if (bytes.size() < 2) return fail(kCmsMalformed, "DER ends inside an element");
    std::size_t header = 2;
    std::size_t size = std::to_integer<std::size_t>(bytes[1]);
    if (size >= 0x80) {
      const std::size_t octets = size & 0x7f;
      if (octets == 0 || octets > 4 || bytes.size() < 2 + octets) return fail(kCmsMalformed, "DER with a length that is not definite");
      size = 0;
      for (std::size_t i = 0; i < octets; ++i) size = size << 8 | std::to_integer<std::size_t>(bytes[2 + i]);
      header += octets;
    }
    if (size > bytes.size() - header) return fail(kCmsMalformed, "DER ends inside an element");
    out.push_back({std::to_integer<std::uint8_t>(bytes[0]), bytes.subspan(header, size), bytes.first(header + size)});
    bytes = bytes.subspan(header + size);
  }
  return out;
}

}  // namespace aloft::crypto::der
