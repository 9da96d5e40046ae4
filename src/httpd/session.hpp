// The life of one connection: handshake, requests one after another, farewell.
#pragma once

#include <memory>

#include "httpd/connection.hpp"
#include "httpd/gate.hpp"
#include "httpd/limits.hpp"
#include "httpd/sites.hpp"

namespace aloft::httpd {

class Incoming;

class Session {
 public:
  // turned_away: the first request is answered with kServerFull, whatever it is.
  enum class Welcome : std::uint8_t { served, turned_away };
  // All references outlive the session.
  Session(Fd socket, std::string peer, Watch& watch, const TlsContext* tls, const Sites& sites, const Limits& limits, Counters& counters,
          const bool& stopping, Welcome welcome);
  ~Session();
  Awaitable<void> run(Gate::Pass handshake);

  Connection& connection() { return connection_; }
  bool handling() const { return request_ != nullptr; }  // a handler is at work
  // Tells the handler, if one is at work, that the client has left, or should.
  void departed();
  // Of the request that is being answered, else null.
  const Router* router() const { return router_.get(); }
  // Between requests, with nothing to lose.
  bool idle() const { return idle_; }
  Welcome welcome() const { return welcome_; }

 private:
  // Both: whether another request may follow.
  Awaitable<bool> wait_for_request();
  Awaitable<bool> serve_one();
  Result<const Route*> choose(Request& request, Incoming& incoming);
  Awaitable<Result<Response>> respond(const Route& route, Request& request, Incoming& incoming);
  Response refusal(const Request& request, const Error& error);
  // Awaits nothing when all of the answer fits into the socket's buffer, as most do.
  Awaitable<Result<>> send(const Response& response, std::string_view unsent, bool with_body);
  Awaitable<Result<>> send_file(const FileBody& file);
  Awaitable<Result<>> send_live(const LiveBody& body);
  Awaitable<void> say_goodbye();
  void allow(Response& answer, const Request& request) const;
  void extend(std::chrono::milliseconds by) { connection_.set_deadline(std::chrono::steady_clock::now() + by); }

  Connection connection_;
  const Sites& sites_;
  std::shared_ptr<const Router> router_;  // from the request's header until its answer has gone out
  const Limits& limits_;
  Counters& counters_;
  const bool& stopping_;
  std::string unread_;  // came in, not yet taken
  Proven proven_;
  Request* request_ = nullptr;
  bool idle_ = false;
  Welcome welcome_;
};

}  // namespace aloft::httpd
