// A bounded pipe of bytes between two threads.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>

#include "base/bytes.hpp"

namespace aloft::storage {

// One thread pushes, one pops. Holds at most `limit_bytes` beyond what is being pushed.
class ByteQueue {
 public:
  explicit ByteQueue(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}
  // Waits while the queue is full. False once the reader has given up.
  bool push(ByteView bytes);
  void close();  // nothing follows
  void cut();    // nothing follows, and what was pushed is not all there is
  // What was pushed next, as a whole; empty at the end. Waits for more. `complete` is false where the end came by cut().
  Bytes pop(bool& complete);
  void give_up();  // by the reader: pushing is in vain from now on

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Bytes> parts_;
  std::size_t held_bytes_ = 0;
  const std::size_t limit_bytes_;
  bool closed_ = false;
  bool cut_ = false;
  bool given_up_ = false;
};

}  // namespace aloft::storage
