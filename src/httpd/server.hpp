// Accepts connections and looks after them: limits, deadlines, shutdown. One loop, one thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <set>

#include "base/file.hpp"
#include "httpd/gate.hpp"
#include "httpd/limits.hpp"
#include "httpd/session.hpp"
#include "httpd/sites.hpp"
#include "httpd/tls.hpp"
#include "httpd/watch.hpp"

namespace aloft::httpd {

class Server {
 public:
  // tls may be null: plain HTTP. sites and tls must outlive the server; the server must outlive loop.run().
  Server(boost::asio::io_context& loop, const Sites& sites, const TlsContext* tls, Limits limits);

  // address is an IP address; port 0 takes a free one. Returns the port. Errors: kCannotListen.
  Result<std::uint16_t> listen(const std::string& address, std::uint16_t port);
  // Takes no more connections, ends idle ones, rings `departure` of requests that wait, and after `grace` ends the rest. The loop then
  // runs out of work of the server's.
  void stop(std::chrono::milliseconds grace);

  // Rings `departure` of the requests that this router answers: its site is to go.
  void depart(const Router* router);

  const Counters& counters();

 private:
  Awaitable<void> accept(boost::asio::ip::tcp::acceptor& acceptor);
  enum class Accepted : std::uint8_t { one, none, no_room };
  // no_room: the system is out of descriptors or memory, or something else is wrong; errno says what.
  Accepted accept_one(int listening);
  Awaitable<void> serve(Fd socket, std::string peer, Session::Welcome welcome);
  // Keeps a session among the sessions.
  class Enlisted {
   public:
    Enlisted(Server& server, Session& session);
    Enlisted(const Enlisted&) = delete;
    Enlisted& operator=(const Enlisted&) = delete;
    ~Enlisted();

   private:
    Server& server_;
    Session& session_;
  };
  // For one more connection; nothing when it cannot even be told to come again.
  std::optional<Session::Welcome> welcome_next();
  bool make_room();
  Awaitable<void> sweep();
  void expire_late(std::chrono::steady_clock::time_point now);

  boost::asio::io_context& loop_;
  const Sites& sites_;
  const TlsContext* tls_;
  Limits limits_;
  Counters counters_;
  bool stopping_ = false;
  std::chrono::steady_clock::time_point stop_at_ = std::chrono::steady_clock::time_point::max();
  std::vector<std::unique_ptr<boost::asio::ip::tcp::acceptor>> acceptors_;
  Watch watch_;
  Gate gate_;
  std::set<Session*> sessions_;
  std::size_t turned_away_ = 0;                            // of the sessions
  std::chrono::steady_clock::time_point no_room_until_{};  // nobody is idle for long enough before that
};

}  // namespace aloft::httpd
