// All that a client may send over one connection, whole or in pieces: each answer is complete, a handler gets no more than its route takes,
// and nothing in a header that another program in the way could read in another way.
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <cerrno>
#include <charconv>

#include "httpd/session.hpp"
#include "require.hpp"

namespace {

using namespace aloft;

constexpr std::size_t kMostBody = 64;
constexpr std::size_t kMostInput = 64U << 10;

void check(const httpd::Request& request) {
  for (const char* name : {"host", "authorization", "content-length", "transfer-encoding"})
    require(request.header(name).find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
  require(request.header("transfer-encoding").empty() || !request.content_length);  // who disagrees reads another request
  require(request.headers.count("transfer-encoding") <= 1 && request.headers.count("host") <= 1);
}

httpd::Awaitable<Result<httpd::Response>> take_whole(httpd::Request& request) {
  check(request);
  require(request.body.size() <= kMostBody && request.content_length.value_or(request.body.size()) == request.body.size());
  httpd::Response response;
  response.body = std::to_string(request.body.size());
  co_return response;
}

httpd::Awaitable<Result<httpd::Response>> take_pieces(httpd::Request& request) {
  check(request);
  std::uint64_t size = 0;
  while (true) {
    const Result<std::string_view> piece = co_await request.stream->read();
    if (!piece) co_return std::unexpected(piece.error());
    if (piece->empty()) break;
    size += piece->size();
  }
  require(size <= kMostBody && request.content_length.value_or(size) == size);
  httpd::Response response;
  response.body = std::to_string(size);
  co_return response;
}

class OneSite final : public httpd::Sites {
 public:
  OneSite() : router_(std::make_shared<httpd::Router>([](const Error&) { return 400U; })) {
    router_->add({httpd::Method::post, "/whole/{name}", take_whole, kMostBody});
    router_->add({httpd::Method::get, "/whole/{name}", take_whole});
    router_->add({httpd::Method::put, "/pieces", take_pieces, kMostBody, httpd::BodyMode::stream});
  }
  Result<std::shared_ptr<const httpd::Router>> router_for(const httpd::Request&) const override { return router_; }
  std::optional<std::span<const crypto::Certificate>> asks(std::string_view) const override { return std::nullopt; }
  bool asks_some() const override { return false; }
  unsigned error_status(const Error&) const override { return 400; }

 private:
  std::shared_ptr<httpd::Router> router_;
};

// What came in so far.
void drain(int client, std::string& answers) {
  char buffer[4096];
  for (ssize_t got = 0; (got = ::recv(client, buffer, sizeof buffer, MSG_DONTWAIT)) > 0;)
    answers.append(buffer, static_cast<std::size_t>(got));
}

// Answers one after another, each with its length; a HEAD's has no body, and is the only one that may lack it.
void check_answers(std::string_view answers) {
  while (!answers.empty()) {
    if (answers.starts_with("HTTP/1.1 100 Continue\r\n\r\n")) {
      answers.remove_prefix(25);
      continue;
    }
    require(answers.starts_with("HTTP/1.1 "));
    const std::size_t end = answers.find("\r\n\r\n");
    require(end != std::string_view::npos);
    const std::string_view head = answers.substr(0, end + 2);
    answers.remove_prefix(end + 4);
    const std::size_t at = head.find("\r\nContent-Length: ");
    require(at != std::string_view::npos);
    std::size_t length = 0;
    std::from_chars(head.data() + at + 18, head.data() + head.size(), length);
    if (answers.starts_with("HTTP/1.1 ") || (answers.empty() && length > 0)) continue;  // of a HEAD
    require(length <= answers.size());
    answers.remove_prefix(length);
  }
}

}  // namespace

extern "C" int http_session_fuzz(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  static const OneSite site;
  const std::size_t step = data[0] == 0 ? kMostInput : data[0];
  std::string_view input(reinterpret_cast<const char*>(data) + 1, std::min(size - 1, kMostInput));
  std::array<int, 2> ends{};
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
  Fd client(ends[0]);
  boost::asio::io_context loop{1};
  httpd::Watch watch(loop);
  httpd::Gate gate;
  const httpd::Limits limits;
  httpd::Counters counters;
  const bool stopping = false;
  bool done = false;
  std::string answers;
  {
    httpd::Session session(Fd(ends[1]), "peer", watch, nullptr, site, limits, counters, stopping, httpd::Session::Welcome::served);
    boost::asio::co_spawn(loop, session.run(gate.enter(std::chrono::steady_clock::now())), [&done](const std::exception_ptr& failed) {
      require(!failed);
      done = true;
    });
    for (unsigned idle = 0; !done;) {
      const std::string_view piece = input.substr(0, step);
      const ssize_t sent = piece.empty() ? 0 : ::send(client.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
      if (sent > 0) input.remove_prefix(static_cast<std::size_t>(sent));
      if (sent < 0 && errno != EAGAIN) input = {};  // it has been told that nothing more is wanted
      if (input.empty()) ::shutdown(client.get(), SHUT_WR);
      const bool moved = loop.poll() + (sent > 0 ? 1U : 0U) > 0;
      drain(client.get(), answers);
      idle = moved ? 0 : idle + 1;
      require(idle < 1000);  // it waits for something that cannot come
    }
  }
  drain(client.get(), answers);
  watch.end();
  loop.poll();
  check_answers(answers);
  return 0;
}
