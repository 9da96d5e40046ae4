#include "httpd/server.hpp"

#include <malloc.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.hpp"
#include "httpd/errors.hpp"

namespace aloft::httpd {
namespace {

using boost::asio::ip::tcp;
using std::chrono::steady_clock;
constexpr std::chrono::milliseconds kSweep{250};
constexpr std::chrono::milliseconds kAtTheGate{2};
constexpr std::size_t kManySessions = 500;

// What thousands of connections have held lies in pieces that the allocator keeps, and each stampede would add some.
void give_memory_back() {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

// What an idle connection that leaves makes good.
bool is_shortage(int problem) { return problem == EMFILE || problem == ENFILE || problem == ENOBUFS || problem == ENOMEM; }

// Without the port.
std::string text_of(const sockaddr_storage& address, socklen_t size) {
  char text[NI_MAXHOST] = {};
  ::getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
  return text;
}

}  // namespace

Server::Server(boost::asio::io_context& loop, const Sites& sites, const TlsContext* tls, Limits limits)
    : loop_(loop), sites_(sites), tls_(tls), limits_(limits), watch_(loop) {
  boost::asio::co_spawn(loop_, sweep(), boost::asio::detached);
}

Result<std::uint16_t> Server::listen(const std::string& address, std::uint16_t port) {
  boost::system::error_code error;
  const auto ip = boost::asio::ip::make_address(address, error);
  if (error) return fail(kCannotListen, "\"" + address + "\" is no IP address to listen on");
  if (!watch_.works())
    return fail(kCannotListen, "the system gives no descriptor to watch connections with; raise the limit of open files");
  const tcp::endpoint endpoint(ip, port);
  auto acceptor = std::make_unique<tcp::acceptor>(loop_);
  acceptor->open(endpoint.protocol(), error);
  if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor->bind(endpoint, error);
  if (!error) acceptor->listen(4096, error);
  if (!error) acceptor->native_non_blocking(true, error);
  if (error) return fail(kCannotListen, "listening on " + address + " port " + std::to_string(port) + ": " + error.message());
  const std::uint16_t bound = acceptor->local_endpoint(error).port();
  acceptors_.push_back(std::move(acceptor));
  boost::asio::co_spawn(loop_, accept(*acceptors_.back()), boost::asio::detached);
  return bound;
}

Awaitable<void> Server::accept(tcp::acceptor& acceptor) {
  while (!stopping_) {
    boost::system::error_code error;
    if (!gate_.open(steady_clock::now())) {
      boost::asio::steady_timer pause(loop_, kAtTheGate);
      co_await pause.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, error));
      continue;
    }
    const Accepted accepted = accept_one(acceptor.native_handle());
    const int problem = errno;
    if (accepted == Accepted::one) {
      // Before the next: this one is counted, and whoever makes room for it leaves.
      co_await boost::asio::post(loop_, boost::asio::use_awaitable);
    } else if (accepted == Accepted::none) {
      co_await acceptor.async_wait(tcp::acceptor::wait_read, boost::asio::redirect_error(boost::asio::use_awaitable, error));
    } else if (is_shortage(problem) && make_room()) {
      co_await boost::asio::post(loop_, boost::asio::use_awaitable);  // it leaves, and so does its descriptor
    } else {
      log::warning("accepting a connection: " + std::string(std::strerror(problem)));
      boost::asio::steady_timer pause(loop_, std::chrono::milliseconds(100));
      co_await pause.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, error));
    }
  }
}

Server::Accepted Server::accept_one(int listening) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  Fd socket(::accept4(listening, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket && errno == EAGAIN) return Accepted::none;
  if (!socket) return errno == ECONNABORTED || errno == EINTR ? Accepted::one : Accepted::no_room;
  ++counters_.connections_total;
  const auto welcome = welcome_next();
  if (!welcome || *welcome == Session::Welcome::turned_away) ++counters_.connections_refused;
  if (welcome) boost::asio::co_spawn(loop_, serve(std::move(socket), text_of(address, size), *welcome), boost::asio::detached);
  return Accepted::one;
}

std::optional<Session::Welcome> Server::welcome_next() {
  if (sessions_.size() - turned_away_ < limits_.max_connections || make_room()) return Session::Welcome::served;
  if (turned_away_ < limits_.max_turned_away) return Session::Welcome::turned_away;
  return std::nullopt;
}

// The one that has been idle longest goes. Whoever floods the server with connections that say nothing keeps nobody out that way.
bool Server::make_room() {
  const auto now = steady_clock::now();
  if (now < no_room_until_) return false;
  Session* longest = nullptr;
  for (Session* session : sessions_)
    if (session->idle() && (longest == nullptr || session->connection().deadline() < longest->connection().deadline())) longest = session;
  if (longest == nullptr || longest->connection().deadline() - limits_.idle + limits_.idle_when_full > now) {
    no_room_until_ = now + kSweep;
    return false;
  }
  ++counters_.connections_evicted;
  longest->connection().no_deadline();
  longest->connection().expire();
  return true;
}

Awaitable<void> Server::serve(Fd socket, std::string peer, Session::Welcome welcome) {
  try {
    Session session(std::move(socket), std::move(peer), watch_, tls_, sites_, limits_, counters_, stopping_, welcome);
    const Enlisted enlisted(*this, session);
    Gate::Pass handshake = gate_.enter(steady_clock::now());
    co_await session.run(std::move(handshake));
  } catch (const std::exception& exception) {
    log::error(std::string("a connection failed: ") + exception.what());
  }
}

Server::Enlisted::Enlisted(Server& server, Session& session) : server_(server), session_(session) {
  server_.sessions_.insert(&session_);
  if (session_.welcome() == Session::Welcome::turned_away) ++server_.turned_away_;
  server_.counters_.connections_open = server_.sessions_.size();
}

Server::Enlisted::~Enlisted() {
  server_.sessions_.erase(&session_);
  if (session_.welcome() == Session::Welcome::turned_away) --server_.turned_away_;
  server_.counters_.connections_open = server_.sessions_.size();
}

Awaitable<void> Server::sweep() {
  boost::asio::steady_timer timer(loop_);
  std::size_t most = 0;  // sessions, since memory was last given back
  std::size_t before = 0;
  while (!stopping_ || !sessions_.empty()) {
    timer.expires_after(kSweep);
    boost::system::error_code ignored;
    co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    expire_late(steady_clock::now());
    most = std::max(most, sessions_.size());
    const bool leaving = sessions_.size() < std::exchange(before, sessions_.size());
    if (leaving || most < kManySessions || sessions_.size() > most / 2) continue;
    most = sessions_.size();
    give_memory_back();
  }
  watch_.end();
}

void Server::expire_late(steady_clock::time_point now) {
  for (Session* session : sessions_) {
    if (session->connection().deadline() > now && stop_at_ > now) continue;
    if (!session->idle()) ++counters_.connections_expired;
    session->connection().no_deadline();
    session->connection().expire();
  }
}

const Counters& Server::counters() {
  counters_.requests_running = static_cast<std::uint64_t>(std::ranges::count_if(sessions_, &Session::handling));
  return counters_;
}

void Server::depart(const Router* router) {
  for (Session* session : sessions_)
    if (session->router() == router) session->departed();
}

void Server::stop(std::chrono::milliseconds grace) {
  stopping_ = true;
  stop_at_ = steady_clock::now() + grace;
  for (const auto& acceptor : acceptors_) {
    boost::system::error_code ignored;
    acceptor->close(ignored);
  }
  for (Session* session : sessions_) {
    session->departed();
    if (session->idle()) session->connection().expire();
  }
}

}  // namespace aloft::httpd
