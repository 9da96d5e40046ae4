#include "storage/byte_queue.hpp"

namespace aloft::storage {

bool ByteQueue::push(ByteView bytes) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return given_up_ || held_bytes_ < limit_bytes_; });
  if (given_up_) return false;
  held_bytes_ += bytes.size();
  parts_.emplace_back(bytes.begin(), bytes.end());
  changed_.notify_all();
  return true;
}

void ByteQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

void ByteQueue::cut() {
  const std::lock_guard lock(mutex_);
  cut_ = true;
  changed_.notify_all();
}

Bytes ByteQueue::pop(bool& complete) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return cut_ || closed_ || !parts_.empty(); });
  complete = !cut_;
  if (cut_ || parts_.empty()) return {};
  Bytes part = std::move(parts_.front());
  parts_.pop_front();
  held_bytes_ -= part.size();
  changed_.notify_all();
  return part;
}

void ByteQueue::give_up() {
  const std::lock_guard lock(mutex_);
  given_up_ = true;
  changed_.notify_all();
}

}  // namespace aloft::storage
