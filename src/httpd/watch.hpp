// Tells sockets when they can go on. One epoll set has them all, each entered once and edge-triggered; the loop sees the set as a single
// descriptor and takes what is ready in batches. Asio's own waiting costs a call of the kernel and a way through its queue for each wait,
// a tenth of what a poll costs. One thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <span>

#include "base/result.hpp"
#include "httpd/bell.hpp"

struct epoll_event;

namespace aloft::httpd {

class Watch {
 public:
  // Waits on the loop until end().
  explicit Watch(boost::asio::io_context& loop);
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  enum class Way : std::uint8_t { in, out };

  // A socket in the set, non-blocking, and the coroutine that waits for it. The watch and the socket outlive it.
  class Place {
   public:
    // peer_left may be empty; it is called when the peer has closed its side or is gone.
    Place(Watch& watch, int socket, std::function<void()> peer_left);
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place();

    // Nothing is left to read, or no room to write: wait() then waits for more. To be called when a call of the kernel has said so, by
    // EAGAIN or by doing less than it was asked to (epoll(7), question 9).
    void used_up(Way way) { ready_[index(way)] = way == Way::in && peer_left_; }
    // False: the kernel would say EAGAIN.
    bool ready(Way way) const { return ready_[index(way)]; }
    // Until the socket becomes ready that way, which it is not, or wake(). One coroutine at a time.
    Awaitable<void> wait(Way way);
    // Until all others that can go on have had a turn.
    Awaitable<void> give_way();
    void wake();  // not before the caller has returned to the loop
    bool peer_left() const { return peer_left_; }
    // False: the kernel has no room for it in the set, and nothing must be waited for.
    bool entered() const { return entered_; }

   private:
    friend class Watch;
    static std::size_t index(Way way) { return static_cast<std::size_t>(way); }
    void happened(std::uint32_t events);

    Watch& watch_;
    int socket_;
    bool ready_[2] = {false, true};  // as far as is known; what can be read at the start is told like the rest
    bool peer_left_ = false;
    bool entered_ = false;
    Way waits_for_ = Way::in;
    std::move_only_function<void()> waiting_;
    std::function<void()> tell_peer_left_;
  };

  // False: the system gave no descriptor for the set.
  bool works() const { return set_.is_open(); }
  // The loop may then run out of work. No place is left.
  void end();

 private:
  Awaitable<void> run();
  // True: there may be more.
  bool take_batch();
  void forget(const Place& place);

  boost::asio::posix::stream_descriptor set_;
  std::span<epoll_event> batch_;  // what is still to be told
  bool ended_ = false;
};

}  // namespace aloft::httpd
