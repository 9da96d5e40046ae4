#include "storage/frame_queue.hpp"

namespace aloft::storage {

std::optional<std::uint64_t> FrameQueue::take(const std::stop_token& stop) {
  const std::lock_guard lock(mutex_);
  if (error_ || stop.stop_requested() || next_ == placed_.size()) return std::nullopt;
  return next_++;
}

bool FrameQueue::wait_for_source(std::uint64_t frame) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return error_ || at_source_ == frame; });
  return !error_;
}

void FrameQueue::leave_source(std::uint64_t frame) {
  const std::lock_guard lock(mutex_);
  left_source_[frame] = true;
  while (at_source_ < left_source_.size() && left_source_[at_source_]) ++at_source_;
  changed_.notify_all();
}

void FrameQueue::finish(std::uint64_t frame, Placed placed) {
  const std::lock_guard lock(mutex_);
  placed_[frame] = placed;
  while (finished_ < placed_.size() && placed_[finished_] != Placed::no) ++finished_;
  changed_.notify_all();
}

void FrameQueue::fail(Error error) {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = std::move(error);
  changed_.notify_all();
}

std::uint64_t FrameQueue::wait_finished(std::uint64_t wanted, std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [&] { return error_ || finished_ >= wanted; });
  return finished_;
}

Placed FrameQueue::placed(std::uint64_t frame) const {
  const std::lock_guard lock(mutex_);
  return placed_[frame];
}

std::optional<Error> FrameQueue::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

}  // namespace aloft::storage
