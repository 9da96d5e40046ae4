#include "httpd/incoming.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include "httpd/elsewhere.hpp"
#include "httpd/errors.hpp"

namespace aloft::httpd {
namespace {

namespace http = boost::beast::http;

// A body that collects what has come, without reserving what a client merely announces.
struct PieceBody {
  using value_type = std::string;
  class reader {
   public:
    template <bool isRequest, class Fields>
    reader(http::header<isRequest, Fields>&, value_type& body) : body_(body) {}
    void init(const boost::optional<std::uint64_t>&, boost::system::error_code& error) { error = {}; }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, boost::system::error_code& error) {
      error = {};
      const std::size_t before = body_.size();
      for (auto it = boost::asio::buffer_sequence_begin(buffers); it != boost::asio::buffer_sequence_end(buffers); ++it) {
        const boost::asio::const_buffer part = *it;
        body_.append(static_cast<const char*>(part.data()), part.size());
      }
      return body_.size() - before;
    }
    void finish(boost::system::error_code& error) { error = {}; }

   private:
    value_type& body_;
  };
};

Error parse_error(const boost::system::error_code& error) {
  if (error == http::error::header_limit) return {kHeaderTooLarge, "the request's header is too large"};
  if (error == http::error::body_limit) return {kRequestTooLarge, "the request's body is too large for this path"};
  return {kBadRequest, "the request is not HTTP/1.1: " + error.message()};
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
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

}  // namespace

struct Incoming::Parser {
  http::request_parser<PieceBody> http;
};

Incoming::Incoming(Connection& connection, const Limits& limits, std::string& unread)
    : connection_(connection), limits_(limits), unread_(unread), parser_(std::make_unique<Parser>()) {
  parser_->http.header_limit(limits.max_header_bytes);
  parser_->http.body_limit(boost::none);
  begun_ = !unread_.empty();
}

Incoming::~Incoming() = default;

bool Incoming::begun() const { return begun_; }
bool Incoming::complete() const { return parser_->http.is_done(); }
bool Incoming::keep_alive() const { return parser_->http.is_header_done() && parser_->http.keep_alive(); }

Awaitable<Result<std::size_t>> Incoming::receive() {
  static thread_local std::array<std::byte, 32U << 10> scratch;  // filled and emptied without a suspension in between
  const Result<std::size_t> got = co_await connection_.read_some(scratch);
  if (got && unread_.size() > 4 * limits_.max_header_bytes) co_return fail(kBadRequest, "a chunk's header or trailer has no end");
  if (got) unread_.append(reinterpret_cast<const char*>(scratch.data()), *got);
  co_return got;
}

Result<bool> Incoming::feed() {
  boost::system::error_code error;
  const std::size_t used = parser_->http.put(boost::asio::buffer(unread_), error);
  unread_.erase(0, used);
  if (error == http::error::need_more) return true;
  if (error) return std::unexpected(parse_error(error));
  return used == 0;
}

Awaitable<Result<bool>> Incoming::read_header(Request& request) {
  connection_.set_deadline(std::chrono::steady_clock::now() + limits_.header);
  while (!parser_->http.is_header_done()) {
    bool hungry = unread_.empty();
    if (!hungry) {
      hungry = CO_TRY(feed());
    }
    if (!hungry || parser_->http.is_header_done()) continue;
    const Result<std::size_t> got = co_await receive();
    if (!got) co_return std::unexpected(got.error());
    if (*got == 0 && !begun_) co_return false;
    if (*got == 0) co_return fail(kConnectionLost, "the client closed in the middle of a request");
    begun_ = true;
  }
  CO_TRY(take_header(request));
  connection_.set_deadline(std::chrono::steady_clock::now() + limits_.step);
  co_return true;
}

Result<> Incoming::take_header(Request& request) const {
  const auto& message = parser_->http.get();
  request.headers.reserve(8);
  for (const auto& field : message) request.headers.emplace_back(lower(field.name_string()), field.value());
  if (const auto length = parser_->http.content_length()) request.content_length = *length;
  request.peer = connection_.peer();
  request.client_name = connection_.client_name();
  if (message.version() != 11 && message.version() != 10) return fail(kBadRequest, "only HTTP/1.1 is spoken here");
  request.method = TRY(method_of(message.method()));
  request.target = TRY(parse_target(std::string_view(message.target().data(), message.target().size())));
  return {};
}

Result<> Incoming::limit_body(std::uint64_t max_bytes) {
  const auto length = parser_->http.content_length();
  if (length && *length > max_bytes)
    return fail(kRequestTooLarge,
                "the body has " + std::to_string(*length) + " bytes; this path takes at most " + std::to_string(max_bytes));
  parser_->http.body_limit(max_bytes);
  const auto& message = parser_->http.get();
  continue_due_ = lower(message[http::field::expect]) == "100-continue" && !parser_->http.is_done();
  return {};
}

Awaitable<Result<std::string_view>> Incoming::read() {
  parser_->http.get().body().clear();
  if (continue_due_ && unread_.empty()) {
    const Result<> written = co_await connection_.write("HTTP/1.1 100 Continue\r\n\r\n");
    if (!written) co_return std::unexpected(written.error());
  }
  continue_due_ = false;
  while (parser_->http.get().body().empty() && !parser_->http.is_done()) {
    const bool hungry = unread_.empty() || CO_TRY(feed());
    if (!hungry || parser_->http.is_done() || !parser_->http.get().body().empty()) continue;
    const Result<std::size_t> got = co_await receive();
    if (!got) co_return std::unexpected(got.error());
    if (*got == 0) co_return fail(kConnectionLost, "the client closed in the middle of a body");
    since_step_ += *got;
    if (since_step_ < kStepBytes) continue;
    since_step_ = 0;
    connection_.set_deadline(std::chrono::steady_clock::now() + limits_.step);
  }
  piece_ = std::move(parser_->http.get().body());
  co_return std::string_view(piece_);
}

Awaitable<Result<std::string>> Incoming::read_whole() {
  std::string whole;
  while (true) {
    const Result<std::string_view> piece = co_await read();
    if (!piece) co_return std::unexpected(piece.error());
    if (piece->empty()) co_return whole;
    whole.append(*piece);
  }
}

}  // namespace aloft::httpd
