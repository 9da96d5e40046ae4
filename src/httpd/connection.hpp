// One accepted socket, plain or with TLS. OpenSSL works on the socket itself, through a BIO of ours that knows when nothing is left to
// read: an idle TLS connection costs 18 kB this way, 74 kB with Asio's own stream. One thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/file.hpp"
#include "base/result.hpp"
#include "httpd/bell.hpp"
#include "httpd/client_certificate.hpp"
#include "httpd/tls.hpp"
#include "httpd/watch.hpp"

namespace aloft::httpd {

class Connection {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // context may be null: no TLS. socket: non-blocking. peer: its address without the port. peer_left: called when the peer has closed its
  // side. watch and context outlive the connection.
  Connection(Fd socket, std::string peer, Watch& watch, const TlsContext* context, std::function<void()> peer_left);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // All Results: kConnectionLost, or kTooSlow once expire() was called.
  Awaitable<Result<>> handshake();                               // nothing to do without TLS
  Awaitable<Result<std::size_t>> read_some(MutableByteView to);  // 0: the peer has finished
  Awaitable<Result<>> write(std::string_view bytes);             // all of it

  // What can be done without waiting: what read_some() would give, or nothing before go_on() has been waited for; how much of the bytes
  // went, and when that is not all of it, the rest needs go_on(). Most requests need nothing else, and no coroutine then.
  Result<std::optional<std::size_t>> read_now(MutableByteView to);
  Result<std::size_t> write_now(std::string_view bytes);
  Awaitable<Result<>> go_on() { return wait(needed_); }

  // Bytes may have come, or the end. If not: until then, or expire(); only after a handshake. Takes the least memory of all waiting.
  bool may_read() const;
  Awaitable<void> until_readable() { return place_.wait(Watch::Way::in); }
  // Until all others that can go on have had a turn.
  Awaitable<void> give_way() { return place_.give_way(); }

  // Tells the peer that nothing more comes, without waiting for it.
  void finish_sending();

  // The sweep (server.cpp) calls expire() once the time has come; then the pending and every later operation fails with kTooSlow.
  void set_deadline(Time deadline) { deadline_ = deadline; }
  void no_deadline() { deadline_ = Time::max(); }
  Time deadline() const { return deadline_; }
  void expire();
  bool expired() const { return expired_; }
  // After expire(): lets a last answer out.
  void pardon() { expired_ = false; }

  bool peer_left() const { return place_.peer_left(); }
  const std::string& peer() const { return peer_; }
  // Null where the client has shown none.
  ClientCertificate* certificate() const { return certificate_.get(); }

 private:
  struct Bio;
  Awaitable<Result<>> wait(Watch::Way way);
  // What stopped TLS: `needed_` is to be waited for, or an error.
  Result<> stopped(int outcome, std::string_view doing);
  // As recv(2) and send(2); they ask the kernel only when it may have something else to say than EAGAIN.
  ssize_t receive(void* to, std::size_t size);
  ssize_t transmit(const void* bytes, std::size_t size);

  Fd socket_;
  std::string peer_;
  std::unique_ptr<ClientCertificate> certificate_;
  Watch::Place place_;
  std::unique_ptr<SSL, void (*)(SSL*)> tls_;
  Watch::Way needed_ = Watch::Way::in;
  Time deadline_ = Time::max();
  bool expired_ = false;
};

}  // namespace aloft::httpd
