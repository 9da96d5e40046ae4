// One request as it comes in: header, then body, whole or in pieces. Wraps Beast's parser.
#pragma once

#include <memory>

#include "httpd/connection.hpp"
#include "httpd/limits.hpp"
#include "httpd/message.hpp"

namespace aloft::httpd {

class Incoming final : public BodyStream {
 public:
  // unread: bytes that came in already; what follows this request stays in it.
  Incoming(Connection& connection, const Limits& limits, std::string& unread);
  ~Incoming() override;

  // To be called once bytes have come: the time for the header runs from here.
  // False: the client closed between requests, which is no error. Errors: kBadRequest, kHeaderTooLarge, kTooSlow, kConnectionLost.
  Awaitable<Result<bool>> read_header(Request& request);
  // Must be called before the body is read. Errors: kRequestTooLarge.
  Result<> limit_body(std::uint64_t max_bytes);
  Awaitable<Result<std::string_view>> read() override;
  Awaitable<Result<std::string>> read_whole();
  bool begun() const;       // at least one byte of the request was there
  bool complete() const;    // nothing of it is still to come
  bool keep_alive() const;  // the client wants it

 private:
  struct Parser;
  Awaitable<Result<std::size_t>> receive();  // appends to unread_; 0 at the end
  Result<bool> feed();                       // true: more bytes are needed
  Result<> take_header(Request& request) const;
  Connection& connection_;
  const Limits& limits_;
  std::string& unread_;
  std::unique_ptr<Parser> parser_;
  std::string piece_;
  std::size_t since_step_ = 0;
  bool continue_due_ = false;
  bool begun_ = false;
};

}  // namespace aloft::httpd
