// The latest log lines, for the log of a failed update.
#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <string_view>

namespace aloft::agent {

inline constexpr std::size_t kLogRingBytes = 64 << 10;

// Safe from several threads. Holds no secrets because log lines hold none.
class LogRing {
 public:
  void add(std::string_view line);
  // Oldest first, each ended by a newline; at most kLogRingBytes.
  std::string text() const;
  void clear();

 private:
  mutable std::mutex mutex_;
  std::deque<std::string> lines_;
  std::size_t bytes_ = 0;
};

}  // namespace aloft::agent
