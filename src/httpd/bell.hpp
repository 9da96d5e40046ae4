// Waiting for something that other parts of the loop make happen: a coroutine sleeps, a bell wakes it. All on the loop's one thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <set>

namespace aloft::httpd {

template <typename T = void>
using Awaitable = boost::asio::awaitable<T>;

// One sleeping coroutine. A wake-up before the sleep is not lost: the sleep then ends at once.
class Sleeper {
 public:
  explicit Sleeper(const boost::asio::any_io_executor& executor) : timer_(executor) {}
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  // Until the time has come or wake() was called since the last sleep.
  Awaitable<void> sleep_until(std::chrono::steady_clock::time_point time);
  void wake();

 private:
  boost::asio::steady_timer timer_;
  bool woken_ = false;
};

class Bell {
 public:
  Bell() = default;
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;
  void ring();
  bool rung() const { return rung_; }  // ever
  bool has_listeners() const { return !sleepers_.empty(); }

  // While it lives, the bell wakes the sleeper. Both must outlive it.
  class Listener {
   public:
    Listener(Bell& bell, Sleeper& sleeper) : bell_(bell), sleeper_(sleeper) { bell_.sleepers_.insert(&sleeper_); }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener() { bell_.sleepers_.erase(&sleeper_); }

   private:
    Bell& bell_;
    Sleeper& sleeper_;
  };

 private:
  std::set<Sleeper*> sleepers_;
  bool rung_ = false;
};

}  // namespace aloft::httpd
