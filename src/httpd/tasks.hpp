// Coroutines that nobody waits for, counted: what they use may go once none of them runs any more.
#pragma once

#include <boost/asio/io_context.hpp>

#include "httpd/bell.hpp"

namespace aloft::httpd {

// On the loop's thread; it outlives its coroutines.
class Tasks {
 public:
  explicit Tasks(boost::asio::io_context& loop) : loop_(loop) {}
  Tasks(const Tasks&) = delete;
  Tasks& operator=(const Tasks&) = delete;

  // An exception of the task is logged and ends that task alone.
  void begin(Awaitable<void> task);
  std::size_t running() const { return running_; }
  boost::asio::io_context& loop() { return loop_; }

 private:
  boost::asio::io_context& loop_;
  std::size_t running_ = 0;
};

}  // namespace aloft::httpd
