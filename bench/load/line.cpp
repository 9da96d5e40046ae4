#include "line.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

namespace aloft::load {
namespace {

// The value of a header, or nothing. head: from the first header to the empty line.
std::optional<std::string_view> header_of(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view one = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    if (one.size() > name.size() && one[name.size()] == ':' && ::strncasecmp(one.data(), name.data(), name.size()) == 0) {
      std::string_view value = one.substr(name.size() + 1);
      value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
      return value;
    }
  }
  return std::nullopt;
}

template <typename T>
T number_of(std::string_view text) {
  T value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// SSL_get_error() looks into the thread's queue of errors, too: what one connection left there would be taken for an error of the next.
bool would_block(SSL* ssl, int outcome) {
  const int reason = SSL_get_error(ssl, outcome);
  ERR_clear_error();
  return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE;
}

}  // namespace

int Line::open() {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return -1;
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // From an address of its own: thousands of ports of the server's address would be in the way of a server that starts again on its port.
  ::setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
  (void)::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 && errno != EINPROGRESS) {
    close();
    return -1;
  }
  if (tls_ != nullptr) {
    ssl_.reset(SSL_new(tls_));
    SSL_set_fd(ssl_.get(), fd_);
    SSL_set_connect_state(ssl_.get());
  }
  state_ = State::opening;
  return fd_;
}

void Line::close() {
  ssl_.reset();
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  state_ = State::closed;
  unsent_.clear();
  received_.clear();
}

bool Line::ask(std::string_view request) {
  state_ = State::asking;
  asked_ = Clock::now();
  unsent_.assign(request);
  return flush();
}

bool Line::flush() {
  while (!unsent_.empty()) {
    const int outcome = ssl_ ? SSL_write(ssl_.get(), unsent_.data(), static_cast<int>(unsent_.size()))
                             : static_cast<int>(::send(fd_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL));
    if (outcome > 0) unsent_.erase(0, static_cast<std::size_t>(outcome));
    if (outcome > 0) continue;
    return ssl_ ? would_block(ssl_.get(), outcome) : errno == EAGAIN;
  }
  return true;
}

Line::News Line::advance() {
  if (state_ == State::closed) return News::nothing;
  if (state_ == State::opening) return advance_opening();
  if (!flush()) return News::lost;
  return receive();
}

Line::News Line::advance_opening() {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return News::lost;
  if (!ssl_) {
    sockaddr_in peer{};
    socklen_t peer_size = sizeof peer;
    if (::getpeername(fd_, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0) return News::nothing;
  } else if (const int outcome = SSL_do_handshake(ssl_.get()); outcome != 1) {
    return would_block(ssl_.get(), outcome) ? News::nothing : News::lost;
  }
  state_ = State::idle;
  return News::opened;
}

Line::News Line::receive() {
  static thread_local std::array<char, 16384> scratch;
  while (true) {
    const int got =
        ssl_ ? SSL_read(ssl_.get(), scratch.data(), scratch.size()) : static_cast<int>(::recv(fd_, scratch.data(), scratch.size(), 0));
    if (got > 0) {
      received_.append(scratch.data(), static_cast<std::size_t>(got));
      if (state_ == State::asking && take_answer()) return News::answered;
      continue;
    }
    const bool later = ssl_ ? would_block(ssl_.get(), got) : got < 0 && errno == EAGAIN;
    return later ? News::nothing : News::lost;
  }
}

bool Line::take_answer() {
  const std::size_t end = received_.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const std::string_view whole(received_);
  const std::string_view head = whole.substr(0, end + 2).substr(whole.find("\r\n") + 2);
  answer_.status = whole.size() > 12 ? number_of<unsigned>(whole.substr(9, 3)) : 0;
  answer_.tag = std::string(header_of(head, "ETag").value_or(""));
  const std::size_t length = answer_.status == 304 ? 0 : number_of<std::size_t>(header_of(head, "Content-Length").value_or("0"));
  if (received_.size() < end + 4 + length) return false;
  answer_.body = received_.substr(end + 4, length);
  received_.erase(0, end + 4 + length);
  state_ = State::idle;
  return true;
}

}  // namespace aloft::load
