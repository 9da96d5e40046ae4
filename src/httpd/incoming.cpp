#include "httpd/incoming.hpp"

#include <strings.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include "httpd/elsewhere.hpp"
#include "httpd/errors.hpp"

namespace aloft::httpd {
namespace {

namespace http = boost::beast::http;

thread_local std::array<std::byte, 32U << 10> scratch;  // filled and emptied without a suspension in between

Error parse_error(const boost::system::error_code& error) {
  if (error == http::error::header_limit) return {kHeaderTooLarge, "the request's header is too large"};
  if (error == http::error::body_limit) return {kRequestTooLarge, "the request's body is too large for this path"};
  return {kBadRequest, "the request is not HTTP/1.1: " + error.message()};
}

Result<Method> method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get: return Method::get;
    case http::verb::head: return Method::head;
    case http::verb::post: return Method::post;
    case http::verb::put: return Method::put;
    case http::verb::delete_: return Method::del;
    default: return fail(kMethodNotAllowed, "only GET, HEAD, POST, PUT and DELETE are understood");
  }
}

// Where the request ends and whom it is for must be beyond doubt: a proxy in between that takes it otherwise would hand one client's bytes
// to the server as another's request (RFC 9112, sections 3.2 and 6.3). Beast takes a coding that it does not know for no body.
Result<> check_framing(const Headers& headers, int version) {
  const std::size_t codings = headers.count("transfer-encoding");
  const std::string coding(headers.find("transfer-encoding"));
  if (codings != 0 && (version != 11 || codings != 1 || ::strcasecmp(coding.c_str(), "chunked") != 0))
    return fail(kBadRequest, "\"Transfer-Encoding\" must be \"chunked\", once, and in HTTP/1.1");
  const std::size_t hosts = headers.count("host");
  if (hosts > 1 || (version == 11 && hosts == 0)) return fail(kBadRequest, "a request has one \"Host\"");
  return {};
}

}  // namespace

// Writes the header into the request as it comes by, and keeps the body's bytes that have come, without reserving what a client merely
// announces.
struct Incoming::Parser final : http::basic_parser<true> {
  using Text = boost::beast::string_view;
  using Code = boost::system::error_code;
  static std::string_view view(Text text) { return {text.data(), text.size()}; }

  explicit Parser(Request& to) : request(to) {}

  void on_request_impl(http::verb verb, Text, Text address, int http_version, Code&) override {
    version = http_version;
    method = method_of(verb);
    target = httpd::parse_target(view(address));
  }
  void on_field_impl(http::field, Text name, Text value, Code&) override {
    if (!header_done) request.headers.add(view(name), view(value));  // else a trailer, which nobody wants
  }
  void on_header_impl(Code&) override { header_done = true; }
  std::size_t on_body_impl(Text bytes, Code&) override {
    body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  std::size_t on_chunk_body_impl(std::uint64_t, Text bytes, Code& error) override { return on_body_impl(bytes, error); }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Code&) override {}
  void on_chunk_header_impl(std::uint64_t, Text, Code&) override {}
  void on_finish_impl(Code&) override {}
  void on_response_impl(int, Text, int, Code&) override {}

  Request& request;
  int version = 0;
  Result<Method> method;
  Result<Target> target;
  std::string body;
  bool header_done = false;
};

Incoming::Incoming(Connection& connection, const Limits& limits, Counters& counters, std::string& unread, Request& request)
    : connection_(connection),
      limits_(limits),
      counters_(counters),
      unread_(unread),
      request_(request),
      parser_(std::make_unique<Parser>(request)) {
  parser_->header_limit(limits.max_header_bytes);
  parser_->body_limit(boost::none);
  begun_ = !unread_.empty();
  connection_.set_deadline(std::chrono::steady_clock::now() + limits_.header);
}

Incoming::~Incoming() { counters_.bodies_bytes -= counted_; }

bool Incoming::begun() const { return begun_; }
bool Incoming::complete() const { return parser_->is_done(); }
bool Incoming::keep_alive() const { return parser_->is_header_done() && parser_->keep_alive(); }

Awaitable<Result<std::size_t>> Incoming::receive() {
  const Result<std::size_t> got = co_await connection_.read_some(scratch);
  if (got && unread_.size() > 4 * limits_.max_header_bytes) co_return fail(kBadRequest, "a chunk's header or trailer has no end");
  if (got) unread_.append(reinterpret_cast<const char*>(scratch.data()), *got);
  co_return got;
}

Result<std::size_t> Incoming::parse(std::string_view bytes) {
  boost::system::error_code error;
  const std::size_t used = parser_->put(boost::asio::buffer(bytes), error);
  hungry_ = error == http::error::need_more || (!error && used == 0);
  if (error && error != http::error::need_more) return std::unexpected(parse_error(error));
  return used;
}

Result<bool> Incoming::feed() {
  unread_.erase(0, TRY(parse(unread_)));
  return hungry_;
}

Result<Incoming::Header> Incoming::read_header() {
  while (true) {
    while (!hungry_ && !unread_.empty() && !parser_->is_header_done()) TRY(feed());
    if (parser_->is_header_done()) break;
    const auto got = TRY(connection_.read_now(scratch));
    if (!got) return Header::more;
    if (*got == 0 && !begun_) return Header::closed;
    if (*got == 0) return fail(kConnectionLost, "the client closed in the middle of a request");
    begun_ = true;
    hungry_ = false;
    const std::string_view fresh = as_text(ByteView(scratch).first(*got));
    // Mostly the whole of a request has come: then nothing needs to be kept.
    unread_ += unread_.empty() ? fresh.substr(TRY(parse(fresh))) : fresh;
  }
  TRY(take_header());
  return Header::complete;
}

Result<> Incoming::take_header() const {
  if (const auto length = parser_->content_length()) request_.content_length = *length;
  request_.peer = connection_.peer();
  request_.certificate = connection_.certificate();
  if (parser_->version != 11 && parser_->version != 10) return fail(kBadRequest, "only HTTP/1.1 is spoken here");
  TRY(check_framing(request_.headers, parser_->version));
  request_.method = TRY(std::move(parser_->method));
  request_.target = TRY(std::move(parser_->target));
  return {};
}

Result<> Incoming::limit_body(std::uint64_t max_bytes) {
  const auto length = parser_->content_length();
  if (length && *length > max_bytes)
    return fail(kRequestTooLarge,
                "the body has " + std::to_string(*length) + " bytes; this path takes at most " + std::to_string(max_bytes));
  parser_->body_limit(max_bytes);
  const std::string expect(request_.header("expect"));
  continue_due_ = ::strcasecmp(expect.c_str(), "100-continue") == 0 && !parser_->is_done();
  return {};
}

Awaitable<Result<std::string_view>> Incoming::read() {
  parser_->body.clear();
  piece_ = std::string();  // nothing of it while the client is slow
  if (continue_due_ && unread_.empty()) {
    const Result<> written = co_await connection_.write("HTTP/1.1 100 Continue\r\n\r\n");
    if (!written) co_return std::unexpected(written.error());
  }
  continue_due_ = false;
  while (parser_->body.empty() && !parser_->is_done()) {
    const bool hungry = unread_.empty() || CO_TRY(feed());
    if (!hungry || parser_->is_done() || !parser_->body.empty()) continue;
    if (unread_.empty()) unread_ = std::string();
    const Result<std::size_t> got = co_await receive();
    if (!got) co_return std::unexpected(got.error());
    if (*got == 0) co_return fail(kConnectionLost, "the client closed in the middle of a body");
    since_step_ += *got;
    if (since_step_ < kStepBytes) continue;
    since_step_ = 0;
    connection_.set_deadline(std::chrono::steady_clock::now() + limits_.step);
  }
  piece_ = std::move(parser_->body);
  co_return std::string_view(piece_);
}

// Small ones always find room, so that who keeps large ones in the making keeps out large ones alone.
Result<> Incoming::count(std::uint64_t bytes) {
  const std::uint64_t more = (bytes > kSmallBodyBytes ? bytes - kSmallBodyBytes : 0) - counted_;
  if (counters_.bodies_bytes + more > limits_.max_bodies_bytes) {
    ++counters_.bodies_refused;
    return fail(kBodiesFull, "as much is being sent to this server as it has memory for; come again later");
  }
  counters_.bodies_bytes += more;
  counted_ += more;
  return {};
}

Awaitable<Result<std::string>> Incoming::read_whole() {
  std::string whole;
  while (true) {
    const Result<std::string_view> piece = co_await read();
    if (!piece) co_return std::unexpected(piece.error());
    if (piece->empty()) co_return whole;
    CO_TRY(count(whole.size() + piece->size()));
    whole.append(*piece);
  }
}

}  // namespace aloft::httpd
