#include "server/sign_on_api.hpp"

#include <openssl/crypto.h>

#include "base/log.hpp"
#include "fleet/errors.hpp"
#include "httpd/elsewhere.hpp"
#include "oidc/errors.hpp"
#include "server/errors.hpp"
#include "server/status.hpp"

namespace aloft::server {
namespace {

using httpd::delivered;
using httpd::json_response;
using httpd::Method;
using httpd::offloaded;
using httpd::Request;
using httpd::Response;

constexpr std::string_view kFailure = "failure";
constexpr std::chrono::seconds kFailureLife{60};
constexpr std::size_t kMaxCodeBytes = 4096;
constexpr std::size_t kMaxToldBytes = 600;

std::string cookie(std::string_view value, std::chrono::seconds life) {
  return std::string(kSignOnCookie) + "=" + std::string(value) +
         "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=" + std::to_string(life.count());
}

// No cache keeps it, and the address it comes from, which has the code in it, goes nowhere.
Response redirect(std::string to) {
  return {.status = 303, .headers = {{"Location", std::move(to)}, {"Cache-Control", "no-store"}, {"Referrer-Policy", "no-referrer"}}};
}

bool is_same(std::string_view one, std::string_view other) {
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

// One of kMaxSignIns.
class Turn {
 public:
  explicit Turn(std::size_t& running) : running_(running) { ++running_; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() { --running_; }

 private:
  std::size_t& running_;
};

std::unexpected<Error> off() {
  return fail(oidc::kSignOnOff, "this server is not connected to an identity provider; log in with a password, or start it with --sso");
}
std::unexpected<Error> busy() {
  return fail(oidc::kSignOnBusy, "many people sign in at this moment, and the identity provider is slow; try again in a few seconds");
}

}  // namespace

std::string callback_address(const std::string& url) {
  return (url.ends_with('/') ? url.substr(0, url.size() - 1) : url) + "/api/v1/sso/callback";
}

SignOnApi::SignOnApi(fleet::Store& store, OperatorAccess& access, Random& random, oidc::Provider* provider, ByteView secret)
    : store_(store), access_(access), random_(random), provider_(provider), seal_(secret) {}

void SignOnApi::add_routes(httpd::Router& router) {
  router.add({Method::get, "/api/v1/sso", [this](Request& r) { return offer(r); }});
  router.add({Method::get, "/api/v1/sso/login", [this](Request& r) { return begin(r); }});
  router.add({Method::get, "/api/v1/sso/callback", [this](Request& r) { return come_back(r); }});
}

void SignOnApi::stop() {
  if (provider_ != nullptr) provider_->stop();
}

SignOnApi::Answer SignOnApi::offer(Request& request) {
  Json json = Json::object();
  if (provider_ != nullptr) json["provider"] = Json{{"name", provider_->settings().name}};
  const auto failure = seal_.open(cookie_of(request, kSignOnCookie), kFailure);
  if (failure) {
    if (const Result<Json> told = parse_json(*failure)) json["failure"] = *told;
  }
  Response response = json_response(200, json);
  if (failure) response.headers.emplace_back("Set-Cookie", cookie("", std::chrono::seconds{0}));
  co_return response;
}

Response SignOnApi::turn_away(const Error& error) {
  log::warning("somebody could not sign in: " + error.text());
  const Json told{{"number", error.code.number}, {"name", error.code.name}, {"message", error.message.substr(0, kMaxToldBytes)}};
  Response response = redirect("/login");
  const std::string text = told.dump(-1, ' ', false, Json::error_handler_t::replace);
  response.headers.emplace_back("Set-Cookie", cookie(seal_.close(text, kFailure, random_), kFailureLife));
  return response;
}

SignOnApi::Answer SignOnApi::begin(Request& request) {
  if (provider_ == nullptr) co_return off();
  Result<Response> sent = co_await send_away(request);
  if (!sent) co_return turn_away(sent.error());
  co_return sent;
}

SignOnApi::Answer SignOnApi::send_away(Request& request) {
  CO_TRY(attempts_.count("peer " + network_of(request.peer), access_.clock().steady()));
  if (running_ >= kMaxSignIns) co_return busy();
  const Turn turn(running_);
  std::string next = query_text(request, "next").value_or("/");
  if (!oidc::is_local_page(next)) next = "/";
  const oidc::Ticket ticket = oidc::new_ticket(random_, std::move(next), access_.clock().now());
  auto work = [this, &ticket] { return provider_->address_for(ticket); };
  const Result<std::string> address = co_await offloaded(callers_, work);
  if (!address) co_return std::unexpected(address.error());
  Response response = redirect(*address);
  response.headers.emplace_back("Set-Cookie", cookie(oidc::sealed(ticket, seal_, random_), oidc::kSignInLife));
  co_return response;
}

SignOnApi::Answer SignOnApi::come_back(Request& request) {
  if (provider_ == nullptr) co_return off();
  Result<Response> in = co_await let_in(request);
  if (!in) co_return turn_away(in.error());
  attempts_.forgive("peer " + network_of(request.peer));
  co_return in;
}

// The answer must be to a question of this browser's, and the first to it.
Result<SignOnApi::Way> SignOnApi::read_way(const Request& request) {
  TRY(attempts_.count("peer " + network_of(request.peer), access_.clock().steady()));
  Way way{.ticket = TRY(oidc::unsealed(cookie_of(request, kSignOnCookie), seal_, access_.clock().now())), .answer = {}};
  if (!is_same(query_text(request, "state").value_or(""), way.ticket.state) || !spent_.spend(way.ticket.state, access_.clock().steady()))
    return fail(oidc::kSignInStale, "this answer belongs to another sign-in, or to one that is finished; begin it again");
  if (const auto error = query_text(request, "error"))
    return fail(oidc::provider_refused(*error, query_text(request, "error_description").value_or("")));
  way.answer = {.code = query_text(request, "code").value_or(""), .issuer = query_text(request, "iss")};
  if (way.answer.code.empty() || way.answer.code.size() > kMaxCodeBytes)
    return fail(oidc::kProviderAnswer, "the identity provider sent no code along; begin the sign-in again");
  return way;
}

SignOnApi::Answer SignOnApi::let_in(Request& request) {
  const Way way = CO_TRY(read_way(request));
  if (running_ >= kMaxSignIns) co_return busy();
  const Turn turn(running_);
  auto work = [this, &way] { return provider_->identify(way.answer, way.ticket); };
  const Result<oidc::Person> person = co_await offloaded(callers_, work);
  if (!person) co_return std::unexpected(person.error());
  co_return co_await admit(request, *person, way.ticket.next);
}

// With its record in the audit log, which is durable before anything is done.
SignOnApi::Answer SignOnApi::admit(const Request& request, const oidc::Person& person, const std::string& next) {
  const std::string name = oidc::user_name(person.subject);
  const Json detail{{"issuer", provider_->settings().issuer}, {"display", person.display}};
  const fleet::AuditEntry entry{.time_ms = access_.now_ms(),
                                .user = name,
                                .peer = request.peer,
                                .method = std::string(httpd::to_string(request.method)),
                                .path = request.target.path,
                                .detail = detail.dump(-1, ' ', false, Json::error_handler_t::replace)};
  auto begin = [&](auto done) { store_.begin_audit(entry, done); };
  const Result<std::uint64_t> id = co_await delivered<Result<std::uint64_t>>(begin);
  if (!id) co_return std::unexpected(id.error());
  Result<Response> answer = co_await admit_as(request, name, person, next);
  const std::uint64_t status = answer ? answer->status : status_of(answer.error());
  const std::uint64_t error = answer ? 0 : answer.error().code.number;
  auto end = [&](auto done) { store_.end_audit(*id, status, error, done); };
  const Result<> ended = co_await delivered<Result<>>(end);
  if (!ended) log::warning("how a sign-in ended could not be written to the audit log: " + ended.error().text());
  co_return answer;
}

SignOnApi::Answer SignOnApi::admit_as(const Request& request, const std::string& name, const oidc::Person& person,
                                      const std::string& next) {
  const Result<fleet::Roles> roles = oidc::roles_of(person, provider_->settings());
  if (!roles) {
    co_await put_out(name);
    co_return std::unexpected(roles.error());
  }
  const std::string secret = new_secret(random_);
  const std::uint64_t now = access_.now_ms();
  const fleet::OutsideUser user{
      .name = name, .issuer = provider_->settings().issuer, .display = person.display, .roles = *roles, .now_ms = now};
  const fleet::AccessToken session = new_session(request, secret, now);
  auto start = [&](auto done) { store_.admit_outside_user(user, session, done); };
  const Result<fleet::AccessToken> added = co_await delivered<Result<fleet::AccessToken>>(start);
  if (!added) co_return std::unexpected(added.error());
  access_.tokens().set_roles(name, *roles);
  access_.tokens().put(*added);
  Response response = redirect(next);
  response.headers.emplace_back("Set-Cookie", session_cookie(secret, kSessionLife));
  response.headers.emplace_back("Set-Cookie", cookie("", std::chrono::seconds{0}));
  co_return response;
}

// The provider no longer gives a role to one who had one: sessions and API tokens end too.
httpd::Awaitable<void> SignOnApi::put_out(const std::string& name) {
  auto start = [&](auto done) { store_.delete_user(name, done); };
  const Result<> gone = co_await delivered<Result<>>(start);
  access_.tokens().remove_user(name);
  if (!gone && gone.error().code.number != fleet::kUserUnknown.number)
    log::warning("the access of " + name + ", who has no role any more, is not ended for good: " + gone.error().text());
}

}  // namespace aloft::server
