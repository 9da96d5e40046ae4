#include "agent/log_ring.hpp"

namespace aloft::agent {

void LogRing::add(std::string_view line) {
  const std::lock_guard lock(mutex_);
  lines_.emplace_back(line.substr(0, kLogRingBytes / 8));
  bytes_ += lines_.back().size() + 1;
  while (bytes_ > kLogRingBytes) {
    bytes_ -= lines_.front().size() + 1;
    lines_.pop_front();
  }
}

std::string LogRing::text() const {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const std::string& line : lines_) (text += line) += '\n';
  return text;
}

void LogRing::clear() {
  const std::lock_guard lock(mutex_);
  lines_.clear();
  bytes_ = 0;
}

}  // namespace aloft::agent
