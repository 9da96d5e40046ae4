#include "httpd/connection.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

#include "httpd/errors.hpp"

namespace aloft::httpd {
namespace {

std::unexpected<Error> lost(std::string_view doing, std::string_view why) {
  return fail(kConnectionLost, std::string(doing) + " a connection: " + std::string(why));
}

// Empty when there is none, more than one, or one with a hidden end.
std::string common_name_of(const X509* certificate) {
  const X509_NAME* const subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return {};
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) return {};
  std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return name.find('\0') == std::string::npos ? name : std::string{};
}

}  // namespace

Connection::Connection(boost::asio::ip::tcp::socket socket, const TlsContext* context)
    : socket_(std::move(socket)), tls_(nullptr, SSL_free) {
  boost::system::error_code ignored;
  peer_ = socket_.remote_endpoint(ignored).address().to_string();
  socket_.non_blocking(true, ignored);
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  if (context != nullptr) {
    tls_.reset(SSL_new(context->get()));
    if (tls_) SSL_set_fd(tls_.get(), socket_.native_handle());
    if (tls_) SSL_set_accept_state(tls_.get());
  }
}

Connection::~Connection() = default;

std::string Connection::client_name() const {
  if (!tls_ || SSL_get_verify_mode(tls_.get()) == SSL_VERIFY_NONE || SSL_get_verify_result(tls_.get()) != X509_V_OK) return {};
  const X509* const certificate = SSL_get0_peer_certificate(tls_.get());
  return certificate == nullptr ? std::string{} : common_name_of(certificate);
}

void Connection::expire() {
  expired_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

void Connection::pardon(Time deadline) {
  expired_ = false;
  deadline_ = deadline;
}

Awaitable<Result<>> Connection::wait(Wait what) {
  if (expired_) co_return fail(kTooSlow, "the client was too slow");
  boost::system::error_code error;
  const auto direction = what == Wait::readable ? boost::asio::socket_base::wait_read : boost::asio::socket_base::wait_write;
  co_await socket_.async_wait(direction, boost::asio::redirect_error(boost::asio::use_awaitable, error));
  if (expired_) co_return fail(kTooSlow, "the client was too slow");
  if (error) co_return lost("waiting for", error.message());
  co_return Result<>{};
}

Awaitable<Result<>> Connection::wait_for_tls(int outcome, std::string_view doing) {
  const int reason = SSL_get_error(tls_.get(), outcome);
  if (reason == SSL_ERROR_WANT_READ) co_return co_await wait(Wait::readable);
  if (reason == SSL_ERROR_WANT_WRITE) co_return co_await wait(Wait::writable);
  const unsigned long code = ERR_peek_last_error();
  const char* text = code == 0 ? "closed by the peer" : ERR_reason_error_string(code);
  ERR_clear_error();
  SSL_set_quiet_shutdown(tls_.get(), 1);
  co_return lost(doing, text == nullptr ? "TLS failed" : text);
}

Awaitable<Result<>> Connection::handshake() {
  while (tls_) {
    ERR_clear_error();
    const int outcome = SSL_accept(tls_.get());
    if (outcome == 1) break;
    const Result<> waited = co_await wait_for_tls(outcome, "starting TLS on");
    if (!waited) co_return waited;
  }
  co_return Result<>{};
}

Awaitable<Result<>> Connection::readable() {
  if (tls_ && SSL_has_pending(tls_.get()) == 1) co_return Result<>{};
  co_return co_await wait(Wait::readable);
}

Awaitable<Result<std::size_t>> Connection::read_some(MutableByteView to) {
  while (true) {
    Result<> waited;
    if (tls_) {
      ERR_clear_error();
      std::size_t got = 0;
      const int outcome = SSL_read_ex(tls_.get(), to.data(), to.size(), &got);
      if (outcome == 1) co_return got;
      if (SSL_get_error(tls_.get(), outcome) == SSL_ERROR_ZERO_RETURN) co_return 0U;
      waited = co_await wait_for_tls(outcome, "reading from");
    } else {
      const ssize_t got = ::recv(fd(), to.data(), to.size(), 0);
      if (got >= 0) co_return static_cast<std::size_t>(got);
      if (errno != EAGAIN && errno != EINTR) co_return lost("reading from", std::strerror(errno));
      waited = co_await wait(Wait::readable);
    }
    if (!waited) co_return std::unexpected(waited.error());
  }
}

Awaitable<Result<>> Connection::write(std::string_view bytes) {
  while (!bytes.empty()) {
    Result<> waited;
    if (tls_) {
      ERR_clear_error();
      std::size_t sent = 0;
      const int outcome = SSL_write_ex(tls_.get(), bytes.data(), bytes.size(), &sent);
      if (outcome == 1) bytes.remove_prefix(sent);
      if (outcome != 1) waited = co_await wait_for_tls(outcome, "writing to");
    } else {
      const ssize_t sent = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else {
        if (errno != EAGAIN && errno != EINTR) co_return lost("writing to", std::strerror(errno));
        waited = co_await wait(Wait::writable);
      }
    }
    if (!waited) co_return waited;
  }
  co_return Result<>{};
}

void Connection::finish_sending() {
  if (tls_ && SSL_is_init_finished(tls_.get()) == 1) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());
  }
  boost::system::error_code ignored;
  socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
}

}  // namespace aloft::httpd
