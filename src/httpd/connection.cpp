#include "httpd/connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "httpd/errors.hpp"

namespace aloft::httpd {
namespace {

std::unexpected<Error> lost(std::string_view doing, std::string_view why) {
  return fail(kConnectionLost, std::string(doing) + " a connection: " + std::string(why));
}

std::unique_ptr<ClientCertificate> shown_by(const SSL* tls) {
  if (SSL_get0_peer_certificate(tls) == nullptr) return nullptr;
  auto shown = std::make_unique<ClientCertificate>();
  const auto add = [&shown](X509* certificate) {
    X509_up_ref(certificate);
    shown->chain.emplace_back(std::shared_ptr<X509>(certificate, X509_free));
  };
  add(SSL_get0_peer_certificate(tls));
  const STACK_OF(X509)* const others = SSL_get_peer_cert_chain(tls);  // a server's has the client's own not in it
  for (int at = 0; at < sk_X509_num(others); ++at) add(sk_X509_value(others, at));
  return shown;
}

bool is_for_later(ssize_t outcome) { return outcome < 0 && (errno == EAGAIN || errno == EINTR); }

}  // namespace

// The connection as OpenSSL's source and sink.
struct Connection::Bio {
  static int read(BIO* bio, char* to, int size) {
    BIO_clear_flags(bio, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY | BIO_FLAGS_IN_EOF);
    const ssize_t got = static_cast<Connection*>(BIO_get_data(bio))->receive(to, static_cast<std::size_t>(size));
    if (is_for_later(got)) BIO_set_retry_read(bio);
    if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return static_cast<int>(got);
  }
  static int write(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    const ssize_t sent = static_cast<Connection*>(BIO_get_data(bio))->transmit(bytes, static_cast<std::size_t>(size));
    if (is_for_later(sent)) BIO_set_retry_write(bio);
    return static_cast<int>(sent);
  }
  static long control(BIO* bio, int what, long, void*) {
    if (what == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    return what == BIO_CTRL_FLUSH ? 1 : 0;
  }
  static int create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }
  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      BIO_METHOD* const fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connection");
      BIO_meth_set_read(fresh, read);
      BIO_meth_set_write(fresh, write);
      BIO_meth_set_ctrl(fresh, control);
      BIO_meth_set_create(fresh, create);
      return fresh;
    }();
    return made;
  }
};

Connection::Connection(Fd socket, std::string peer, Watch& watch, const TlsContext* context, std::function<void()> peer_left)
    : socket_(std::move(socket)), peer_(std::move(peer)), place_(watch, socket_.get(), std::move(peer_left)), tls_(nullptr, SSL_free) {
  const int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (context == nullptr) return;
  tls_.reset(SSL_new(context->get()));
  BIO* const bio = BIO_new(Bio::method());
  if (!tls_ || bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, this);
  SSL_set_bio(tls_.get(), bio, bio);
  SSL_set_accept_state(tls_.get());
}

Connection::~Connection() = default;

void Connection::expire() {
  expired_ = true;
  place_.wake();
}

ssize_t Connection::receive(void* to, std::size_t size) {
  errno = EAGAIN;
  if (!place_.ready(Watch::Way::in)) return -1;
  const ssize_t got = ::recv(socket_.get(), to, size, 0);
  if ((got < 0 && errno == EAGAIN) || (got > 0 && static_cast<std::size_t>(got) < size)) place_.used_up(Watch::Way::in);
  return got;
}

ssize_t Connection::transmit(const void* bytes, std::size_t size) {
  errno = EAGAIN;
  if (!place_.ready(Watch::Way::out)) return -1;
  const ssize_t sent = ::send(socket_.get(), bytes, size, MSG_NOSIGNAL);
  if ((sent < 0 && errno == EAGAIN) || (sent >= 0 && static_cast<std::size_t>(sent) < size)) place_.used_up(Watch::Way::out);
  return sent;
}

Awaitable<Result<>> Connection::wait(Watch::Way way) {
  if (!expired_ && !place_.ready(way)) co_await place_.wait(way);
  if (expired_) co_return fail(kTooSlow, "the client was too slow");
  co_return Result<>{};
}

Result<> Connection::stopped(int outcome, std::string_view doing) {
  const int reason = SSL_get_error(tls_.get(), outcome);
  needed_ = reason == SSL_ERROR_WANT_WRITE ? Watch::Way::out : Watch::Way::in;
  if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) return {};
  const unsigned long code = ERR_peek_last_error();
  const char* text = code == 0 ? "closed by the peer" : ERR_reason_error_string(code);
  ERR_clear_error();
  SSL_set_quiet_shutdown(tls_.get(), 1);
  return lost(doing, text == nullptr ? "TLS failed" : text);
}

Awaitable<Result<>> Connection::handshake() {
  if (!place_.entered()) co_return lost("watching", "the system has no room to watch one more");
  while (tls_) {
    ERR_clear_error();
    const int outcome = SSL_accept(tls_.get());
    if (outcome == 1) break;
    Result<> waited = stopped(outcome, "starting TLS on");
    if (waited) waited = co_await go_on();
    if (!waited) co_return waited;
  }
  if (tls_) certificate_ = shown_by(tls_.get());
  co_return Result<>{};
}

bool Connection::may_read() const { return place_.ready(Watch::Way::in) || (tls_ && SSL_has_pending(tls_.get()) == 1); }

Result<std::optional<std::size_t>> Connection::read_now(MutableByteView to) {
  if (!tls_) {
    const ssize_t got = receive(to.data(), to.size());
    needed_ = Watch::Way::in;
    if (got >= 0) return static_cast<std::size_t>(got);
    if (!is_for_later(got)) return lost("reading from", std::strerror(errno));
    return std::nullopt;
  }
  ERR_clear_error();
  std::size_t got = 0;
  const int outcome = SSL_read_ex(tls_.get(), to.data(), to.size(), &got);
  if (outcome == 1) return got;
  if (SSL_get_error(tls_.get(), outcome) == SSL_ERROR_ZERO_RETURN) return 0U;
  TRY(stopped(outcome, "reading from"));
  return std::nullopt;
}

Awaitable<Result<std::size_t>> Connection::read_some(MutableByteView to) {
  while (true) {
    const Result<std::optional<std::size_t>> got = read_now(to);
    if (!got) co_return std::unexpected(got.error());
    if (*got) co_return **got;
    const Result<> waited = co_await go_on();
    if (!waited) co_return std::unexpected(waited.error());
  }
}

Result<std::size_t> Connection::write_now(std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const std::string_view rest = bytes.substr(done);
    if (!tls_) {
      const ssize_t sent = transmit(rest.data(), rest.size());
      needed_ = Watch::Way::out;
      if (sent < 0 && !is_for_later(sent)) return lost("writing to", std::strerror(errno));
      if (sent < 0) break;
      done += static_cast<std::size_t>(sent);
      continue;
    }
    ERR_clear_error();
    std::size_t sent = 0;
    const int outcome = SSL_write_ex(tls_.get(), rest.data(), rest.size(), &sent);
    if (outcome != 1) {
      TRY(stopped(outcome, "writing to"));
      break;
    }
    done += sent;
  }
  return done;
}

Awaitable<Result<>> Connection::write(std::string_view bytes) {
  while (true) {
    const Result<std::size_t> sent = write_now(bytes);
    if (!sent) co_return std::unexpected(sent.error());
    bytes.remove_prefix(*sent);
    if (bytes.empty()) co_return Result<>{};
    const Result<> waited = co_await go_on();
    if (!waited) co_return waited;
  }
}

void Connection::finish_sending() {
  if (tls_ && SSL_is_init_finished(tls_.get()) == 1) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());
  }
  ::shutdown(socket_.get(), SHUT_WR);
}

}  // namespace aloft::httpd
