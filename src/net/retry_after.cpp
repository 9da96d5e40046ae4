#include "net/retry_after.hpp"

#include <charconv>
#include <cstdint>

namespace aloft::net {

std::optional<std::chrono::seconds> parse_retry_after(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  std::uint32_t seconds = UINT32_MAX;  // which stays where the number is larger
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::chrono::seconds(seconds);
}

}  // namespace aloft::net
