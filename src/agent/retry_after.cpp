#include "agent/retry_after.hpp"

#include <algorithm>

#include "net/retry_after.hpp"

namespace aloft::agent {

void RetryAfter::note(const net::Response& response) {
  constexpr std::chrono::seconds kMost = std::chrono::hours(1);
  if (response.status != 429 && response.status != 503) return;
  if (const auto wait = net::parse_retry_after(response.header("Retry-After").value_or("")))
    until_ = clock_.steady() + std::min(*wait, kMost);
}

std::chrono::milliseconds RetryAfter::left() const { return std::max(until_.load() - clock_.steady(), std::chrono::milliseconds::zero()); }

}  // namespace aloft::agent
