// One kept connection to the server, plain or with TLS, that speaks just enough HTTP/1.1. Never blocks.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace aloft::load {

using Clock = std::chrono::steady_clock;

struct Answer {
  unsigned status = 0;
  std::string tag;
  std::string body;
};

class Line {
 public:
  enum class State : std::uint8_t { closed, opening, idle, asking };
  enum class News : std::uint8_t { nothing, opened, answered, lost };

  // tls may be null; it outlives the line.
  Line(std::uint16_t port, SSL_CTX* tls) : port_(port), tls_(tls), ssl_(nullptr, SSL_free) {}
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line() { close(); }

  // Begins to connect; the descriptor to watch, or -1.
  int open();
  void close();
  // request: the whole of it, header and body. Only when idle. False: the connection is lost.
  bool ask(std::string_view request);
  // To be called when the descriptor may be ready. After `answered`, answer() is good until the next ask().
  News advance();

  State state() const { return state_; }
  const Answer& answer() const { return answer_; }
  Clock::time_point asked() const { return asked_; }

 private:
  News advance_opening();
  bool flush();  // false: lost
  News receive();
  bool take_answer();

  std::uint16_t port_;
  SSL_CTX* tls_;
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
  int fd_ = -1;
  State state_ = State::closed;
  std::string unsent_;
  std::string received_;
  Answer answer_;
  Clock::time_point asked_;
};

}  // namespace aloft::load
