#include "agent/deferral.hpp"

#include <charconv>

#include "agent/local_api.hpp"
#include "base/file.hpp"

namespace aloft::agent {

using std::chrono::milliseconds;

Deferral::Deferral(std::filesystem::path file, Clock& clock) : file_(std::move(file)), clock_(clock) {
  const auto text = read_file(file_, 64);
  std::int64_t since_epoch_ms = 0;
  if (text && std::from_chars(text->data(), text->data() + text->size(), since_epoch_ms).ec == std::errc{})
    until_ = WallTime(milliseconds(since_epoch_ms));
}

Result<> Deferral::set(WallTime until) {
  const std::lock_guard lock(mutex_);
  until_ = until;
  return replace_file(file_, std::to_string(until.time_since_epoch().count()) + "\n", 0644);
}

milliseconds Deferral::left() const {
  const std::lock_guard lock(mutex_);
  const WallTime now = clock_.now();
  return until_ <= now || until_ > now + kMaxDefer ? milliseconds::zero() : until_ - now;
}

WallTime Deferral::until() const {
  const std::lock_guard lock(mutex_);
  return until_;
}

}  // namespace aloft::agent
