// Threads for what must not run on the loop; made when there is first something for them, so that what is rarely used costs none.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <optional>

namespace aloft::httpd {

// Used from the loop's thread. Its end waits for the work that has begun.
class Workers {
 public:
  explicit Workers(std::size_t threads) : threads_(threads) {}
  boost::asio::thread_pool& pool() {
    if (!pool_) pool_.emplace(threads_);
    return *pool_;
  }

 private:
  std::size_t threads_;
  std::optional<boost::asio::thread_pool> pool_;
};

}  // namespace aloft::httpd
