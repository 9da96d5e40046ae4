#include <cstdlib>

#include "net/content_range.hpp"
#include "net/http_client.hpp"
#include "net/tls_trust.hpp"

extern "C" int content_range_fuzz(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto range = aloft::net::parse_content_range(text)) {
    if (range->last < range->first || (range->size_bytes && *range->size_bytes <= range->last)) std::abort();
  }
  if (const auto digest = aloft::net::parse_fingerprint(text);
      digest && aloft::net::parse_fingerprint(aloft::to_hex(*digest)).value() != *digest)
    std::abort();
  // Nothing before an '@' is left in the authority.
  const std::string shown = aloft::net::without_secrets(text);
  if (const auto start = shown.find("://"); start != std::string::npos) {
    const auto end = shown.find_first_of("/?#", start + 3);
    if (shown.substr(start + 3, end == std::string::npos ? end : end - start - 3).contains('@')) std::abort();
  }
  return 0;
}
