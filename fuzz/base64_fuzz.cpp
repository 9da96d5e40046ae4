#include <cstdlib>

#include "base/bytes.hpp"

extern "C" int base64_fuzz(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // One value has one text: what is accepted is exactly what would be written.
  if (const auto bytes = aloft::from_base64(text); bytes && aloft::to_base64(*bytes) != text) std::abort();
  if (const auto bytes = aloft::from_base64url(text); bytes && aloft::to_base64url(*bytes) != text) std::abort();
  if (const auto bytes = aloft::from_hex(text); bytes && aloft::to_hex(*bytes) != text) std::abort();
  return 0;
}
