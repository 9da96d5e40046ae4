// How many requests a second a site's people and scripts may make. One who asks without end gets at most half of it, so that somebody
// else can still find out who it is and revoke the token.
#pragma once

#include <chrono>
#include <optional>
#include <unordered_map>

#include "base/clock.hpp"

namespace aloft::server {

// On the loop's thread.
class RequestRate {
 public:
  // None: all that come.
  void set(std::optional<std::uint64_t> per_second);
  // One request of `who`. Nothing: it may go on; else how long to wait at least, in whole seconds.
  std::optional<std::chrono::seconds> take(std::uint64_t who, SteadyTime now);
  std::size_t known() const { return own_.size(); }

 private:
  static constexpr std::size_t kMaxKnown = 1000;
  // Requests that may be made now; fills up again with time, to twice what comes in a second.
  struct Bucket {
    double left;
    SteadyTime filled;
    void fill(double per_second, SteadyTime now);
  };
  void forget_idle(SteadyTime now);
  double per_second_ = 0;  // 0: no limit
  std::optional<Bucket> all_;
  std::unordered_map<std::uint64_t, Bucket> own_;
};

}  // namespace aloft::server
