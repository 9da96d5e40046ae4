#include "httpd/session.hpp"

#include <algorithm>
#include <vector>

#include "base/log.hpp"
#include "httpd/errors.hpp"
#include "httpd/incoming.hpp"

namespace aloft::httpd {
namespace {

using std::chrono::steady_clock;

bool has_body(unsigned status) { return status != 204 && status != 304; }

std::string head_of(const Response& response, bool keep_alive) {
  std::string head;
  head.reserve(512);
  head = "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(reason_of(response.status)) + "\r\n";
  for (const auto& [name, value] : response.headers) head += name + ": " + value + "\r\n";
  if (const auto* text = std::get_if<std::string>(&response.body); text != nullptr && has_body(response.status))
    head += "Content-Length: " + std::to_string(text->size()) + "\r\n";
  if (const auto* file = std::get_if<FileBody>(&response.body)) head += "Content-Length: " + std::to_string(file->size_bytes) + "\r\n";
  if (std::holds_alternative<LiveBody>(response.body)) head += "Transfer-Encoding: chunked\r\n";
  head += "X-Content-Type-Options: nosniff\r\n";
  if (!keep_alive) head += "Connection: close\r\n";
  return head + "\r\n";
}

// In 10 to 40 s; not all at once again.
void come_again(Response& response, std::uint64_t place) {
  std::erase_if(response.headers, [](const auto& header) { return header.first == "Retry-After"; });
  response.headers.emplace_back("Retry-After", std::to_string(10 + place % 31));
}

std::string chunk_of(std::string_view piece) {
  char size[24];
  std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
  return size + std::string(piece) + "\r\n";
}

}  // namespace

Session::Session(boost::asio::ip::tcp::socket socket, const TlsContext* tls, const Sites& sites, const Limits& limits, Counters& counters,
                 const bool& stopping, Welcome welcome)
    : connection_(std::move(socket), tls), sites_(sites), limits_(limits), counters_(counters), stopping_(stopping), welcome_(welcome) {}

Session::~Session() = default;

void Session::departed() {
  if (request_ != nullptr) request_->departure.ring();
}

Awaitable<void> Session::run() {
  extend(limits_.handshake);
  const Result<> secured = co_await connection_.handshake();
  if (!secured) co_return;
  bool more = true;
  while (more && !stopping_) {
    if (unread_.empty()) more = co_await wait_for_request();
    if (more) more = co_await serve_one();
  }
}

// Apart from serve_one(), so that a connection at rest holds none of what a request needs.
Awaitable<bool> Session::wait_for_request() {
  unread_ = std::string();
  idle_ = true;
  extend(limits_.idle);
  const Result<> waited = co_await connection_.readable();
  idle_ = false;
  co_return waited.has_value();
}

Awaitable<bool> Session::serve_one() {
  Request request;
  Incoming incoming(connection_, limits_, unread_);
  const Result<bool> header = co_await incoming.read_header(request);
  if (header && !*header) co_return false;
  if (!header && (header.error().code.number == kConnectionLost.number || !incoming.begun())) co_return false;
  const Route* route = nullptr;
  Result<Response> answer = header ? Result<Response>{} : Result<Response>(std::unexpected(header.error()));
  const bool served = welcome_ == Welcome::served;
  if (header && !served) answer = fail(kServerFull, "as many clients are connected as this server takes; come again later");
  if (header && served) answer = co_await respond(request, incoming, route);
  if (!answer && answer.error().code.number == kConnectionLost.number) co_return false;
  if (!answer) {
    const unsigned status = sites_.error_status(answer.error());
    if (status >= 500 && served)
      log::error(std::string(to_string(request.method)) + " " + request.target.path + ": " + answer.error().text());
    answer = error_response(status, answer.error());
    if (!served) come_again(*answer, counters_.connections_total);
    if (status == 405) allow(*answer, request);
  }
  const bool keep_alive = served && header && incoming.keep_alive() && incoming.complete() && !stopping_;
  connection_.pardon(steady_clock::now() + (keep_alive ? limits_.step : limits_.goodbye));
  ++counters_.responses[std::min(answer->status / 100, 5U)];
  const Result<> sent = co_await send(*std::move(answer), request.method == Method::head, keep_alive);
  router_.reset();
  if (sent && !keep_alive) co_await say_goodbye();
  co_return sent&& keep_alive;
}

// A method that no site knows is refused before its site is looked for.
void Session::allow(Response& answer, const Request& request) const {
  const Result<std::shared_ptr<const Router>> router = router_ ? router_ : sites_.router_for(request);
  if (router) answer.headers.emplace_back("Allow", (*router)->allowed(request.target));
}

Awaitable<Result<Response>> Session::respond(Request& request, Incoming& incoming, const Route*& route) {
  Result<std::shared_ptr<const Router>> chosen = sites_.router_for(request);
  if (!chosen) co_return std::unexpected(chosen.error());
  router_ = *std::move(chosen);
  const Result<const Route*> found = router_->find(request);
  if (!found) co_return std::unexpected(found.error());
  route = *found;
  const Result<> fits = incoming.limit_body(route->max_body_bytes);
  if (!fits) co_return std::unexpected(fits.error());
  if (route->body == BodyMode::stream) {
    request.stream = &incoming;
  } else {
    if (!incoming.complete()) {
      Result<std::string> body = co_await incoming.read_whole();
      if (!body) co_return std::unexpected(body.error());
      request.body = *std::move(body);
    }
    connection_.no_deadline();
  }
  co_return co_await guarded(*route, request);
}

Awaitable<Result<Response>> Session::guarded(const Route& route, Request& request) {
  request_ = &request;
  std::string failure;
  try {
    Result<Response> answer = co_await route.handler(request);
    if (!answer || !std::holds_alternative<LiveBody>(answer->body)) request_ = nullptr;
    co_return answer;
  } catch (const std::exception& exception) {
    failure = exception.what();
  }
  request_ = nullptr;
  co_return fail(kHandlerFailed, "the server failed at this request (" + failure + "); please report it with the server's log");
}

Awaitable<Result<>> Session::send(Response response, bool head, bool keep_alive) {
  const bool with_body = !head && has_body(response.status);
  std::string bytes = head_of(response, keep_alive);
  const auto* text = std::get_if<std::string>(&response.body);
  if (text != nullptr && with_body) bytes += *text;
  if (text != nullptr) counters_.sent_bytes += text->size();
  for (std::size_t at = 0; at < bytes.size(); at += kStepBytes) {
    if (at > 0) extend(limits_.step);
    const std::string_view step = std::string_view(bytes).substr(at, kStepBytes);
    const Result<> written = co_await connection_.write(step);
    if (!written) {
      request_ = nullptr;
      co_return written;
    }
  }
  Result<> sent;
  if (const auto* file = std::get_if<FileBody>(&response.body); file != nullptr && with_body) sent = co_await send_file(*file);
  if (const auto* live = std::get_if<LiveBody>(&response.body); live != nullptr && with_body) sent = co_await send_live(*live);
  request_ = nullptr;
  co_return sent;
}

Awaitable<Result<>> Session::send_file(const FileBody& file) {
  Bytes buffer(std::min<std::uint64_t>(kFileReadBytes, file.size_bytes));
  std::uint64_t done = 0;
  while (done < file.size_bytes) {
    const std::size_t want = std::min<std::uint64_t>(buffer.size(), file.size_bytes - done);
    const Result<std::size_t> got = read_full_at(file.file.get(), MutableByteView(buffer).first(want), file.offset_bytes + done);
    if (!got) co_return std::unexpected(got.error());
    if (*got != want) co_return fail(kConnectionLost, "a file became shorter while it was sent");
    for (std::size_t at = 0; at < want; at += kStepBytes) {
      extend(limits_.step);
      const std::string_view step = as_text(ByteView(buffer).subspan(at, std::min(kStepBytes, want - at)));
      const Result<> written = co_await connection_.write(step);
      if (!written) co_return written;
    }
    done += want;
    counters_.sent_bytes += want;
  }
  co_return Result<>{};
}

Awaitable<Result<>> Session::send_live(const LiveBody& body) {
  while (true) {
    connection_.no_deadline();
    const std::optional<std::string> piece = co_await body();
    extend(limits_.step);
    const std::string bytes = piece ? chunk_of(*piece) : "0\r\n\r\n";
    if (piece && piece->empty()) continue;
    const Result<> written = co_await connection_.write(bytes);
    if (!written || !piece) co_return written;
  }
}

// The client may still be sending: it gets the answer only if its bytes are taken until it closes (RFC 9112, section 9.6).
Awaitable<void> Session::say_goodbye() {
  extend(limits_.goodbye);
  connection_.finish_sending();
  std::vector<std::byte> rest(16U << 10);
  while (true) {
    const MutableByteView view(rest);
    const Result<std::size_t> got = co_await connection_.read_some(view);
    if (!got || *got == 0) co_return;
  }
}

}  // namespace aloft::httpd
