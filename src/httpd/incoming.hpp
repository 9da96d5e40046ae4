// One request as it comes in: header, then body, whole or in pieces. Beast parses.
#pragma once

#include <memory>
#include <string_view>

#include "httpd/connection.hpp"
#include "httpd/limits.hpp"
#include "httpd/message.hpp"

namespace aloft::httpd {

class Incoming final : public BodyStream {
 public:
  // unread: bytes that came in already; what follows this request stays in it. request: gets what stands in the header. To be made once
  // bytes have come: the time for the header runs from here.
  Incoming(Connection& connection, const Limits& limits, Counters& counters, std::string& unread, Request& request);
  ~Incoming() override;

  // closed: the client closed between requests, which is no error. more: Connection::go_on(), then again.
  enum class Header : std::uint8_t { complete, more, closed };
  // The header, as far as it has come. Errors: kBadRequest, kHeaderTooLarge, kConnectionLost.
  Result<Header> read_header();
  // Must be called before the body is read. Errors: kRequestTooLarge.
  Result<> limit_body(std::uint64_t max_bytes);
  Awaitable<Result<std::string_view>> read() override;
  // The body counts towards max_bodies_bytes for as long as this lives. Errors: those of read(); kBodiesFull.
  Awaitable<Result<std::string>> read_whole();
  bool begun() const;       // at least one byte of the request was there
  bool complete() const;    // nothing of it is still to come
  bool keep_alive() const;  // the client wants it

 private:
  struct Parser;
  Awaitable<Result<std::size_t>> receive();  // appends to unread_; 0 at the end
  // Gives the parser these bytes; how many it took.
  Result<std::size_t> parse(std::string_view bytes);
  Result<bool> feed();  // what is in unread_; true: more bytes are needed
  Result<> take_header() const;
  // So many bytes of the body are in memory now.
  Result<> count(std::uint64_t bytes);
  Connection& connection_;
  const Limits& limits_;
  Counters& counters_;
  std::string& unread_;
  Request& request_;
  std::unique_ptr<Parser> parser_;
  std::string piece_;
  std::size_t since_step_ = 0;
  std::uint64_t counted_ = 0;  // in Counters::bodies_bytes
  bool continue_due_ = false;
  bool begun_ = false;
  bool hungry_ = false;
};

}  // namespace aloft::httpd
