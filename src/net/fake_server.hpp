// A web server for tests: answers what it is told, and misbehaves where it is told. One thread per connection, keep-alive, TLS if given
// a context.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace aloft::net {

struct Received {
  std::string head;  // request line and headers
  std::string body;
  std::size_t index;  // of the request, from 0, over all connections

  std::string line() const { return head.substr(0, head.find("\r\n")); }
  std::optional<std::string> header(const std::string& name) const {
    const auto at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return std::nullopt;
    const auto from = at + name.size() + 4;
    return head.substr(from, head.find("\r\n", from) - from);
  }
};

struct Answer {
  unsigned status = 200;             // 0: an answer that is no HTTP
  std::vector<std::string> headers;  // "Name: value"; Content-Length comes by itself
  std::string body;
  std::optional<std::size_t> break_after{};  // this many bytes of the body: closes the connection
  std::optional<std::size_t> stall_after{};  // this many bytes of the body: sends no more until the client leaves
};

class FakeServer {
 public:
  using Handler = std::function<Answer(const Received&)>;

  explicit FakeServer(Handler handler, SSL_CTX* tls = nullptr) : handler_(std::move(handler)), tls_(tls) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      std::abort();
    port_ = ntohs(address.sin_port);
    ::setenv("no_proxy", "*", 1);
    ::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to connections that clients have left
    acceptor_ = std::jthread([this] { accept_all(); });
  }

  ~FakeServer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    threads_.clear();
    ::close(listener_);
  }

  std::string url(const std::string& path = "/") const {
    return (tls_ != nullptr ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_) + path;
  }
  std::size_t requests() const { return requests_; }
  std::size_t connections() const { return connections_; }

 private:
  struct Connection {
    int fd;
    SSL* tls = nullptr;
    std::string pending;

    bool receive() {
      char buffer[4096];
      const ssize_t count = tls != nullptr ? SSL_read(tls, buffer, sizeof buffer) : ::recv(fd, buffer, sizeof buffer, 0);
      if (count > 0) pending.append(buffer, static_cast<std::size_t>(count));
      return count > 0;
    }
    bool send(std::string_view text) {
      while (!text.empty()) {
        const ssize_t count = tls != nullptr ? SSL_write(tls, text.data(), static_cast<int>(text.size()))
                                             : ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
        if (count <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(count));
      }
      return true;
    }
  };

  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      ++connections_;
      const std::lock_guard lock(mutex_);
      open_.push_back(fd);
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    Connection connection{.fd = fd};
    if (tls_ != nullptr) {
      connection.tls = SSL_new(tls_);
      SSL_set_fd(connection.tls, fd);
      SSL_accept(connection.tls);
    }
    while (serve_one(connection)) {
    }
    if (connection.tls != nullptr) SSL_free(connection.tls);
    const std::lock_guard lock(mutex_);
    open_.remove(fd);
    ::close(fd);
  }

  bool serve_one(Connection& connection) {
    std::string& pending = connection.pending;
    while (!pending.contains("\r\n\r\n"))
      if (!connection.receive()) return false;
    const auto end = pending.find("\r\n\r\n") + 4;
    Received received{.head = pending.substr(0, end), .body = {}, .index = requests_++};
    pending.erase(0, end);
    const std::size_t size = std::stoul(received.header("Content-Length").value_or("0"));
    if (received.header("Expect") && !connection.send("HTTP/1.1 100 Continue\r\n\r\n")) return false;
    while (pending.size() < size)
      if (!connection.receive()) return false;
    received.body = pending.substr(0, size);
    pending.erase(0, size);
    return answer(connection, handler_(received), received.line().starts_with("HEAD"));
  }

  static bool answer(Connection& connection, const Answer& answer, bool head_only) {
    if (answer.status == 0) return connection.send("SSH-2.0-other\r\n") && false;
    std::string head = "HTTP/1.1 " + std::to_string(answer.status) + " Said\r\n";
    if (answer.status != 304) head += "Content-Length: " + std::to_string(answer.body.size()) + "\r\n";
    for (const std::string& header : answer.headers) head += header + "\r\n";
    if (!connection.send(head + "\r\n")) return false;
    if (head_only) return true;
    const std::size_t count = answer.break_after.value_or(answer.stall_after.value_or(answer.body.size()));
    if (!connection.send(std::string_view(answer.body).substr(0, count))) return false;
    if (answer.stall_after)
      while (connection.receive()) {
      }
    return !answer.break_after && !answer.stall_after;
  }

  Handler handler_;
  SSL_CTX* tls_;
  int listener_ = -1;
  unsigned port_ = 0;
  std::atomic<std::size_t> requests_ = 0;
  std::atomic<std::size_t> connections_ = 0;
  std::mutex mutex_;
  std::list<int> open_;
  std::list<std::jthread> threads_;
  std::jthread acceptor_;
};

}  // namespace aloft::net
