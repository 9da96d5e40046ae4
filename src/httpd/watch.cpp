#include "httpd/watch.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace aloft::httpd {
namespace {

constexpr std::size_t kBatch = 256;  // sockets; then it is the rest of the loop's turn
constexpr std::uint32_t kLeft = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

}  // namespace

Watch::Watch(boost::asio::io_context& loop) : set_(loop) {
  const int set = ::epoll_create1(EPOLL_CLOEXEC);
  if (set < 0) return;
  boost::system::error_code error;
  set_.assign(set, error);
  if (error) ::close(set);
  if (!error) boost::asio::co_spawn(loop, run(), boost::asio::detached);
}

void Watch::end() {
  ended_ = true;
  boost::system::error_code ignored;
  set_.cancel(ignored);
}

Awaitable<void> Watch::run() {
  while (!ended_) {
    boost::system::error_code error;
    co_await set_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                             boost::asio::redirect_error(boost::asio::use_awaitable, error));
    while (!ended_ && take_batch()) co_await boost::asio::post(set_.get_executor(), boost::asio::use_awaitable);
  }
}

bool Watch::take_batch() {
  std::array<epoll_event, kBatch> events;
  const int count = ::epoll_wait(set_.native_handle(), events.data(), kBatch, 0);
  batch_ = std::span(events).first(static_cast<std::size_t>(count < 0 ? 0 : count));
  while (!batch_.empty()) {
    const epoll_event event = batch_.front();
    batch_ = batch_.subspan(1);
    if (event.data.ptr != nullptr) static_cast<Place*>(event.data.ptr)->happened(event.events);
  }
  return count == static_cast<int>(kBatch);
}

void Watch::forget(const Place& place) {
  for (epoll_event& event : batch_)
    if (event.data.ptr == &place) event.data.ptr = nullptr;
}

Watch::Place::Place(Watch& watch, int socket, std::function<void()> peer_left)
    : watch_(watch), socket_(socket), tell_peer_left_(std::move(peer_left)) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = this;
  entered_ = ::epoll_ctl(watch_.set_.native_handle(), EPOLL_CTL_ADD, socket_, &event) == 0;
}

// Taken out by name: a child that is being started may still have a copy of the descriptor, which would keep it in the set.
Watch::Place::~Place() {
  ::epoll_ctl(watch_.set_.native_handle(), EPOLL_CTL_DEL, socket_, nullptr);
  watch_.forget(*this);
}

void Watch::Place::happened(std::uint32_t events) {
  if ((events & (EPOLLIN | kLeft)) != 0) ready_[index(Way::in)] = true;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) ready_[index(Way::out)] = true;
  const bool left = (events & kLeft) != 0 && !std::exchange(peer_left_, true);
  if (left && tell_peer_left_) tell_peer_left_();
  if (!waiting_ || !ready(waits_for_)) return;
  auto go_on = std::exchange(waiting_, nullptr);
  go_on();  // the last thing here: the place may be gone after it
}

Awaitable<void> Watch::Place::wait(Way way) {
  waits_for_ = way;
  auto initiate = [this](auto handler) { waiting_ = std::move(handler); };
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void()>(initiate, boost::asio::use_awaitable);
}

Awaitable<void> Watch::Place::give_way() { co_await boost::asio::post(watch_.set_.get_executor(), boost::asio::use_awaitable); }

void Watch::Place::wake() {
  if (waiting_) boost::asio::post(watch_.set_.get_executor(), std::exchange(waiting_, nullptr));
}

}  // namespace aloft::httpd
