#include "httpd/session.hpp"

#include <algorithm>
#include <vector>

#include "base/log.hpp"
#include "httpd/errors.hpp"
#include "httpd/incoming.hpp"

namespace aloft::httpd {
namespace {

bool has_body(unsigned status) { return status != 204 && status != 304; }

std::string head_of(const Response& response, bool keep_alive) {
  std::string head;
  head.reserve(512);
  const auto line = [&head](std::string_view name, std::string_view value) { head.append(name).append(": ").append(value).append("\r\n"); };
  head.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ").append(reason_of(response.status)).append("\r\n");
  for (const auto& [name, value] : response.headers) line(name, value);
  if (const auto* text = std::get_if<std::string>(&response.body); text != nullptr && has_body(response.status))
    line("Content-Length", std::to_string(text->size()));
  if (const auto* file = std::get_if<FileBody>(&response.body)) line("Content-Length", std::to_string(file->size_bytes));
  if (std::holds_alternative<LiveBody>(response.body)) line("Transfer-Encoding", "chunked");
  line("X-Content-Type-Options", "nosniff");
  if (!keep_alive) line("Connection", "close");
  return head.append("\r\n");
}

// The head, and the body when it is a text.
std::string beginning_of(const Response& response, bool keep_alive, bool with_body) {
  std::string bytes = head_of(response, keep_alive);
  if (const auto* text = std::get_if<std::string>(&response.body); text != nullptr && with_body) bytes += *text;
  return bytes;
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

Session::Session(Fd socket, std::string peer, Watch& watch, const TlsContext* tls, const Sites& sites, const Limits& limits,
                 Counters& counters, const bool& stopping, Welcome welcome)
    : connection_(std::move(socket), std::move(peer), watch, tls, [this] { departed(); }),
      sites_(sites),
      limits_(limits),
      counters_(counters),
      stopping_(stopping),
      welcome_(welcome) {}

Session::~Session() = default;

void Session::departed() {
  if (request_ != nullptr) request_->departure.ring();
}

Awaitable<void> Session::run(Gate::Pass handshake) {
  extend(limits_.handshake);
  const Result<> secured = co_await connection_.handshake();
  handshake.done();
  if (!secured) co_return;
  bool more = true;
  while (more && !stopping_) {
    more = co_await wait_for_request();
    if (more) more = co_await serve_one();
  }
}

// Apart from serve_one(), so that a connection at rest holds none of what a request needs.
Awaitable<bool> Session::wait_for_request() {
  extend(limits_.idle);
  if (!unread_.empty() || connection_.may_read()) {
    co_await connection_.give_way();  // who sends requests ahead has one answered each turn, and not the loop for itself
    co_return !connection_.expired();
  }
  unread_ = std::string();
  idle_ = true;
  co_await connection_.until_readable();
  idle_ = false;
  co_return !connection_.expired();
}

Awaitable<bool> Session::serve_one() {
  Request request;
  request.proven = &proven_;
  Incoming incoming(connection_, limits_, counters_, unread_, request);
  Result<Incoming::Header> header = incoming.read_header();
  while (header && *header == Incoming::Header::more) {
    const Result<> waited = co_await connection_.go_on();
    header = waited ? incoming.read_header() : std::unexpected(waited.error());
  }
  if (header && *header == Incoming::Header::closed) co_return false;
  if (!header && (header.error().code.number == kConnectionLost.number || !incoming.begun())) co_return false;
  const Result<const Route*> route = header ? choose(request, incoming) : std::unexpected(header.error());
  Result<Response> answer;
  if (route) answer = co_await respond(**route, request, incoming);
  if (!route) answer = std::unexpected(route.error());
  if (!answer && answer.error().code.number == kConnectionLost.number) co_return false;
  if (!answer) answer = refusal(request, answer.error());
  const bool keep_alive = welcome_ == Welcome::served && header && incoming.keep_alive() && incoming.complete() && !stopping_;
  ++counters_.responses[std::min(answer->status / 100, 5U)];
  const bool with_body = request.method != Method::head && has_body(answer->status);
  const std::string bytes = beginning_of(*answer, keep_alive, with_body);
  if (const auto* text = std::get_if<std::string>(&answer->body)) counters_.sent_bytes += text->size();
  connection_.pardon();
  const Result<std::size_t> at_once = bytes.size() <= kStepBytes ? connection_.write_now(bytes) : Result<std::size_t>(0U);
  Result<> sent = at_once ? Result<>{} : std::unexpected(at_once.error());
  const bool rest = at_once && (*at_once < bytes.size() || !std::holds_alternative<std::string>(answer->body));
  if (rest) extend(keep_alive ? limits_.step : limits_.goodbye);
  if (rest) sent = co_await send(*answer, std::string_view(bytes).substr(*at_once), with_body);
  request_ = nullptr;
  *answer = Response{};  // it may hold on to its site
  router_.reset();
  if (sent && !keep_alive) co_await say_goodbye();
  co_return sent&& keep_alive;
}

// A method that no site knows is refused before its site is looked for.
void Session::allow(Response& answer, const Request& request) const {
  const Result<std::shared_ptr<const Router>> router = router_ ? router_ : sites_.router_for(request);
  if (router) answer.headers.emplace_back("Allow", (*router)->allowed(request.target));
}

Result<const Route*> Session::choose(Request& request, Incoming& incoming) {
  if (welcome_ != Welcome::served) return fail(kServerFull, "as many clients are connected as this server takes; come again later");
  router_ = TRY(sites_.router_for(request));
  const Route* const route = TRY(router_->find(request));
  TRY(incoming.limit_body(route->max_body_bytes));
  return route;
}

Response Session::refusal(const Request& request, const Error& error) {
  const bool full = welcome_ == Welcome::turned_away || error.code.number == kBodiesFull.number;
  const unsigned status = sites_.error_status(error);
  if (status >= 500 && !full) log::error(std::string(to_string(request.method)) + " " + request.target.path + ": " + error.text());
  Response response = error_response(status, error);
  if (full) come_again(response, counters_.connections_total + counters_.bodies_refused);
  if (status == 405) allow(response, request);
  return response;
}

Awaitable<Result<Response>> Session::respond(const Route& route, Request& request, Incoming& incoming) {
  if (!incoming.complete()) extend(limits_.step);
  if (route.body == BodyMode::stream) request.stream = &incoming;
  if (route.body == BodyMode::whole && !incoming.complete()) {
    Result<std::string> body = co_await incoming.read_whole();
    if (!body) co_return std::unexpected(body.error());
    request.body = *std::move(body);
  }
  if (route.body == BodyMode::whole) connection_.no_deadline();
  request_ = &request;
  if (connection_.peer_left()) request.departure.ring();
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

Awaitable<Result<>> Session::send(const Response& response, std::string_view unsent, bool with_body) {
  while (!unsent.empty()) {
    const std::string_view step = unsent.substr(0, kStepBytes);
    const Result<> written = co_await connection_.write(step);
    if (!written) co_return written;
    unsent.remove_prefix(step.size());
    if (!unsent.empty()) extend(limits_.step);
  }
  Result<> sent;
  if (const auto* file = std::get_if<FileBody>(&response.body); file != nullptr && with_body) sent = co_await send_file(*file);
  if (const auto* live = std::get_if<LiveBody>(&response.body); live != nullptr && with_body) sent = co_await send_live(*live);
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
