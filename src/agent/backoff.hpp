// How long to wait before trying again: doubling, with jitter, so that a fleet that lost its server does not come back in step.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/random.hpp"

namespace aloft::agent {

// Between attempts to reach the server.
inline constexpr std::chrono::milliseconds kFirstServerDelay{1000};
inline constexpr std::chrono::milliseconds kMostServerDelay{300'000};

class Backoff {
 public:
  using Time = std::chrono::milliseconds;
  Backoff(Random& random, Time first, Time most) : random_(random), first_(first), most_(most), next_(first) {}

  // From half to the whole of the current step; the step doubles up to `most`.
  Time next() {
    const Time step = next_;
    next_ = std::min(most_, next_ * 2);
    const auto half = static_cast<std::uint64_t>(step.count() / 2);
    return Time(static_cast<Time::rep>(half + random_.next() % (half + 1)));
  }
  void reset() { next_ = first_; }

 private:
  Random& random_;
  Time first_;
  Time most_;
  Time next_;
};

}  // namespace aloft::agent
