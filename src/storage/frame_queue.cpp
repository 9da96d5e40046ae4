#include "storage/frame_queue.hpp"

namespace aloft::storage {

void FrameQueue::set_apart(std::uint64_t frame) {
  const std::lock_guard lock(mutex_);
  placed_[frame] = Placed::apart;
  left_source_[frame] = true;
}

std::optional<Task> FrameQueue::take() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (error_ || settled_ == placed_.size()) return std::nullopt;
    while (checked_ < flushed_ && placed_[checked_] == Placed::settled) ++checked_;
    while (taken_ < placed_.size() && placed_[taken_] != Placed::no) ++taken_;
    if (checked_ < flushed_ && (checking_ == 0 || taken_ == placed_.size())) {
      const std::uint64_t first = checked_;
      do ++checked_;
      while (checked_ < flushed_ && checked_ - first < most_checked_ && placed_[checked_] == Placed::written);
      checking_ += checked_ - first;
      return Task{Task::Kind::check, first, checked_};
    }
    if (taken_ < placed_.size()) {
      const std::uint64_t first = taken_;
      do ++taken_;
      while (taken_ < placed_.size() && taken_ - first < most_placed_ && placed_[taken_] == Placed::no);
      return Task{Task::Kind::place, first, taken_};
    }
    work_.wait(lock);
  }
}

bool FrameQueue::wait_for_source(std::uint64_t frame) {
  std::unique_lock lock(mutex_);
  source_.wait(lock, [&] {
    while (at_source_ < left_source_.size() && left_source_[at_source_]) ++at_source_;
    return error_ || (at_source_ == frame && (fetching_ == Fetching::ahead || flushed_ >= frame));
  });
  return !error_;
}

void FrameQueue::leave_source(std::uint64_t frame) {
  const std::lock_guard lock(mutex_);
  left_source_[frame] = true;
  source_.notify_all();
}

void FrameQueue::place(std::uint64_t frame, Placed placed) {
  const std::lock_guard lock(mutex_);
  placed_[frame] = placed;
  count();
  if (finished_ >= wanted_) progress_.notify_all();
}

void FrameQueue::settle(std::uint64_t frame) {
  const std::lock_guard lock(mutex_);
  if (placed_[frame] != Placed::apart) --checking_;
  placed_[frame] = Placed::settled;
  count();
  if (settled_ == placed_.size()) wake_all();
}

void FrameQueue::count() {
  while (finished_ < placed_.size() && is_placed(finished_)) ++finished_;
  while (settled_ < placed_.size() && placed_[settled_] == Placed::settled) ++settled_;
}

void FrameQueue::wake_all() {
  work_.notify_all();
  source_.notify_all();
  progress_.notify_all();
}

void FrameQueue::fail(Error error) {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = std::move(error);
  wake_all();
}

std::uint64_t FrameQueue::wait_placed(std::uint64_t wanted, std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  wanted_ = wanted;
  progress_.wait_for(lock, patience, [&] { return error_ || finished_ >= wanted; });
  return finished_;
}

void FrameQueue::flushed(std::uint64_t frames) {
  const std::lock_guard lock(mutex_);
  for (std::uint64_t frame = flushed_; frame < frames; ++frame) {
    if (placed_[frame] == Placed::in_place) placed_[frame] = Placed::settled;
  }
  flushed_ = frames;
  count();
  wake_all();
}

void FrameQueue::wait_settled() {
  std::unique_lock lock(mutex_);
  progress_.wait(lock, [&] { return error_ || settled_ == placed_.size(); });
}

std::uint64_t FrameQueue::settled() const {
  const std::lock_guard lock(mutex_);
  return settled_;
}

std::optional<Error> FrameQueue::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

}  // namespace aloft::storage
