// How long a server has asked to be left alone, by Retry-After.
#pragma once

#include <atomic>
#include <chrono>

#include "base/clock.hpp"
#include "net/http_client.hpp"

namespace aloft::agent {

// Safe from several threads.
class RetryAfter {
 public:
  // clock must outlive it.
  explicit RetryAfter(Clock& clock) : clock_(clock) {}
  // Takes the header of a 429 or 503: whole seconds, an hour at most. Other answers change nothing.
  void note(const net::Response& response);
  std::chrono::milliseconds left() const;  // 0 when it is over

 private:
  Clock& clock_;
  std::atomic<SteadyTime> until_ = SteadyTime{};
};

}  // namespace aloft::agent
