// One accepted socket, plain or with TLS. OpenSSL works on the file descriptor itself (SSL_set_fd): an idle TLS connection costs
// 18 kB this way, 74 kB with Asio's own stream. One thread.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "httpd/bell.hpp"
#include "httpd/tls.hpp"

namespace aloft::httpd {

class Connection {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // context may be null: no TLS. Makes the socket non-blocking.
  Connection(boost::asio::ip::tcp::socket socket, const TlsContext* context);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // All four: kConnectionLost, or kTooSlow once expire() was called.
  Awaitable<Result<>> handshake();                               // nothing to do without TLS
  Awaitable<Result<>> readable();                                // until bytes have come, or the end; takes no memory while it waits
  Awaitable<Result<std::size_t>> read_some(MutableByteView to);  // 0: the peer has finished
  Awaitable<Result<>> write(std::string_view bytes);             // all of it

  // Tells the peer that nothing more comes, without waiting for it.
  void finish_sending();

  // The sweep (server.cpp) calls expire() once the time has come; then the pending and every later operation fails with kTooSlow.
  void set_deadline(Time deadline) { deadline_ = deadline; }
  void no_deadline() { deadline_ = Time::max(); }
  Time deadline() const { return deadline_; }
  void expire();
  // After expire(): lets a last answer out until `deadline`.
  void pardon(Time deadline);

  int fd() { return socket_.native_handle(); }
  const std::string& peer() const { return peer_; }
  // The one common name in the certificate that the client has shown and TLS has verified; empty without one.
  std::string client_name() const;
  const boost::asio::any_io_executor executor() { return socket_.get_executor(); }

 private:
  enum class Wait : std::uint8_t { readable, writable };
  Awaitable<Result<>> wait(Wait what);
  Awaitable<Result<>> wait_for_tls(int outcome, std::string_view doing);
  boost::asio::ip::tcp::socket socket_;
  std::string peer_;
  std::unique_ptr<SSL, void (*)(SSL*)> tls_;
  Time deadline_ = Time::max();
  bool expired_ = false;
};

}  // namespace aloft::httpd
