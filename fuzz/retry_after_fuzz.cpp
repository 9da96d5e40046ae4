// The header Retry-After: what is taken is a number of seconds that could have been written so, up to the largest.
#include <string>

#include "net/retry_after.hpp"
#include "require.hpp"

extern "C" int retry_after_fuzz(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  const auto wait = aloft::net::parse_retry_after(text);
  if (!wait) return 0;
  require(*wait >= std::chrono::seconds(0));
  text.erase(0, std::min(text.find_first_not_of('0'), text.size() - 1));
  require(std::to_string(wait->count()) == text || *wait == std::chrono::seconds(UINT32_MAX));
  return 0;
}
