#include "httpd/bell.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace aloft::httpd {

Awaitable<void> Sleeper::sleep_until(std::chrono::steady_clock::time_point time) {
  if (!woken_) {
    timer_.expires_at(time);
    boost::system::error_code cancelled;
    co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
  }
  woken_ = false;
}

void Sleeper::wake() {
  woken_ = true;
  timer_.cancel();
}

void Bell::ring() {
  rung_ = true;
  for (Sleeper* sleeper : sleepers_) sleeper->wake();
}

}  // namespace aloft::httpd
