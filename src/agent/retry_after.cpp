#include "agent/retry_after.hpp"

#include <algorithm>
#include <charconv>

namespace aloft::agent {

void RetryAfter::note(const net::Response& response) {
  constexpr std::int64_t kMostSeconds = 3600;
  if (response.status != 429 && response.status != 503) return;
  const std::string_view text = response.header("Retry-After").value_or("");
  std::int64_t seconds = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), seconds).ec == std::errc{})
    until_ = clock_.steady() + std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, kMostSeconds));
}

std::chrono::milliseconds RetryAfter::left() const { return std::max(until_.load() - clock_.steady(), std::chrono::milliseconds::zero()); }

}  // namespace aloft::agent
