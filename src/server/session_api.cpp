#include "server/session_api.hpp"

#include <openssl/crypto.h>

#include "base/log.hpp"
#include "fleet/errors.hpp"
#include "httpd/elsewhere.hpp"
#include "server/errors.hpp"
#include "server/json_forms.hpp"
#include "server/permissions.hpp"

namespace aloft::server {
namespace {

using httpd::delivered;
using httpd::json_response;
using httpd::Method;
using httpd::offloaded;
using httpd::Request;
using httpd::Response;

constexpr std::uint64_t kMaxLifeSeconds = 315'360'000;  // ten years
constexpr std::uint64_t kOutsideTokenLife = 30 * 86'400;

}  // namespace

SessionApi::SessionApi(fleet::Store& store, OperatorAccess& access, httpd::Workers& passwords, Random& random,
                       std::optional<std::string> setup_secret, std::string certificate_sha256, std::string address, bool serves_tenants)
    : store_(store),
      access_(access),
      random_(random),
      certificate_sha256_(std::move(certificate_sha256)),
      address_(std::move(address)),
      serves_tenants_(serves_tenants),
      named_(10, random),
      passwords_(passwords) {
  if (setup_secret) setup_hash_ = to_hex(hash_of(*setup_secret));
}

void SessionApi::add_routes(httpd::Router& router) {
  router_ = &router;
  router.add({Method::post, "/api/v1/setup", [this](Request& r) { return setup(r); }, kMaxJsonBytes});
  router.add({Method::post, "/api/v1/login", [this](Request& r) { return login(r); }, kMaxJsonBytes});
  router.add({Method::post, "/api/v1/logout", [this](Request& r) { return logout(r); }, kMaxJsonBytes});
  router.add({Method::get, "/api/v1/session", [this](Request& r) { return session(r); }});
  router.add({Method::get, "/api/v1/tokens", [this](Request& r) { return list_tokens(r); }});
  router.add({Method::post, "/api/v1/tokens", [this](Request& r) { return create_token(r); }, kMaxJsonBytes});
  router.add({Method::del, "/api/v1/tokens/{id}", [this](Request& r) { return delete_token(r); }});
  router.add({Method::post, "/api/v1/session/end-others", [this](Request& r) { return end_other_sessions(r); }, kMaxJsonBytes});
}

// Read anew each time: another process may have made a new link for this site.
Result<std::optional<std::string>> SessionApi::setup_hash() const {
  if (setup_hash_) return setup_hash_;
  return store_.setting(kSetupSetting);
}

Result<SessionApi::Credentials> SessionApi::read_setup(const Request& request) {
  TRY(attempts_.count(network_of(request.peer), access_.clock().steady()));
  const Json json = TRY(json_body(request));
  auto object = TRY(JsonObject::of(json, "setup"));
  const std::string token = TRY(object.text("token", 256));
  Credentials credentials;
  credentials.user = TRY(object.text("user", 64));
  credentials.password = TRY(object.text("password", kMaxPasswordBytes));
  credentials.cookie = TRY(object.optional_boolean("cookie")).value_or(false);
  const std::optional<std::string> hash = TRY(setup_hash());
  if (!hash) return fail(kSetupDone, "this server has been set up already; log in instead");
  const std::string given = to_hex(hash_of(std::string_view(token).substr(0, token.find('.'))));
  if (hash->size() != given.size() || CRYPTO_memcmp(given.data(), hash->data(), given.size()) != 0)
    return fail(kSetupToken, "this is not the set-up token that the server printed when it was started last");
  if (!protocol::is_device_name(credentials.user)) return fail(kBadParameter, "a user's name is 1-64 of A-Z a-z 0-9 . _ -");
  return credentials;
}

SessionApi::Answer SessionApi::setup(Request& request) {
  const Credentials credentials = CO_TRY(read_setup(request));
  auto hash = [&credentials] { return hash_password(credentials.password); };
  const Result<std::string> password = co_await offloaded(passwords_, hash);
  if (!password) co_return std::unexpected(password.error());
  const fleet::User user{.name = credentials.user, .password = *password, .created_ms = access_.now_ms()};
  auto start = [this, &user](auto done) { store_.add_first_user(user, done); };
  const Result<> added = co_await delivered<Result<>>(start);
  if (!added) co_return std::unexpected(added.error());
  setup_hash_.reset();
  auto forget = [this](auto done) { store_.put_setting(kSetupSetting, std::nullopt, done); };
  const Result<> forgotten = co_await delivered<Result<>>(forget);
  if (!forgotten) log::warning("the one-time link's digest could not be deleted: " + forgotten.error().text());
  attempts_.forgive(network_of(request.peer));
  co_return co_await begin_session(request, credentials);
}

Result<SessionApi::Credentials> SessionApi::read_login(const Request& request) {
  TRY(attempts_.count(network_of(request.peer), access_.clock().steady()));
  const Json json = TRY(json_body(request));
  auto object = TRY(JsonObject::of(json, "login"));
  Credentials credentials;
  credentials.user = TRY(object.text("user", 64));
  credentials.password = TRY(object.text("password", kMaxPasswordBytes));
  credentials.cookie = TRY(object.optional_boolean("cookie")).value_or(false);
  TRY(named_.count(credentials.user, access_.clock().steady()));
  return credentials;
}

SessionApi::Answer SessionApi::login(Request& request) {
  const Credentials credentials = CO_TRY(read_login(request));
  const std::optional<fleet::User> user = CO_TRY(store_.user(credentials.user));
  auto check = [&] {
    // An unknown user, or one from outside, costs the same time as a wrong password.
    if (!user || user->password.empty()) return hash_password("no such user, " + credentials.password.substr(0, 512)).has_value() && false;
    return password_matches(user->password, credentials.password);
  };
  const bool good = co_await offloaded(passwords_, check);
  if (!good) co_return fail(kBadCredentials, "the user's name or the password is wrong");
  attempts_.forgive(network_of(request.peer));
  named_.forgive(credentials.user);
  co_return co_await begin_session(request, credentials);
}

SessionApi::Answer SessionApi::begin_session(const Request& request, const Credentials& credentials) {
  const std::string secret = new_secret(random_);
  fleet::AccessToken token = new_session(request, secret, access_.now_ms());
  token.user = credentials.user;
  auto start = [this, &token](auto done) { store_.add_access_token(token, done); };
  const Result<fleet::AccessToken> added = co_await delivered<Result<fleet::AccessToken>>(start);
  if (!added) co_return std::unexpected(added.error());
  access_.tokens().put(*added);
  Json json{{"user", credentials.user}, {"expires_in_s", kSessionLife.count()}};
  if (!credentials.cookie) json["token"] = secret;
  Response response = json_response(200, json);
  if (credentials.cookie) response.headers.emplace_back("Set-Cookie", session_cookie(secret, kSessionLife));
  co_return response;
}

SessionApi::Answer SessionApi::revoke(std::uint64_t id) {
  auto start = [this, id](auto done) { store_.delete_access_token(id, done); };
  const Result<> deleted = co_await delivered<Result<>>(start);
  if (!deleted) co_return std::unexpected(deleted.error());
  access_.tokens().remove(id);
  co_return Response{.status = 204};
}

SessionApi::Answer SessionApi::logout(Request& request) {
  const fleet::AccessToken token = CO_TRY(access_.check(request));
  Result<Response> revoked = co_await revoke(token.id);
  if (revoked) revoked->headers.emplace_back("Set-Cookie", session_cookie("", std::chrono::seconds{0}));
  co_return revoked;
}

std::vector<std::string> SessionApi::operations(fleet::Roles roles) const {
  std::vector<std::string> operations;
  for (const httpd::Route& route : router_->routes())
    if (route.pattern.starts_with("/api/v1/") && fleet::allows(roles, role_for(route.method, route.pattern)))
      operations.push_back(std::string(httpd::to_string(route.method)) + " " + route.pattern);
  return operations;
}

SessionApi::Answer SessionApi::session(Request& request) {
  const fleet::AccessToken token = CO_TRY(access_.check(request));
  Json json{{"user", token.user},
            {"roles", fleet::role_names(token.roles)},
            {"operations", operations(token.roles)},
            {"server_version", ALOFT_VERSION}};
  if (!token.issuer.empty()) json["issuer"] = token.issuer;
  if (!token.display.empty()) json["display"] = token.display;
  if (!certificate_sha256_.empty()) json["certificate_sha256"] = certificate_sha256_;
  if (!address_.empty()) json["url"] = address_;
  if (serves_tenants_) json["serves_tenants"] = true;
  co_return json_response(200, json);
}

SessionApi::Answer SessionApi::list_tokens(Request& request) {
  const fleet::AccessToken caller = CO_TRY(access_.check(request));
  Json list = Json::array();
  for (const fleet::AccessToken& token : access_.tokens().of_user(caller.user)) {
    list.push_back(to_json(token));
    if (token.id == caller.id) list.back()["current"] = true;
  }
  co_return json_response(200, Json{{"tokens", std::move(list)}});
}

Result<fleet::AccessToken> SessionApi::read_new_token(const Request& request) {
  const fleet::AccessToken caller = TRY(access_.check(request));
  fleet::AccessToken token{.kind = fleet::AccessToken::Kind::api, .user = caller.user, .created_ms = access_.now_ms()};
  const Json json = TRY(json_body(request));
  auto object = TRY(JsonObject::of(json, "token"));
  token.note = TRY(object.text("note", 128));
  auto life = TRY(object.optional_number("expires_in_s", kMaxLifeSeconds));
  if (!caller.issuer.empty()) {  // who has left the company signs in no more, and nobody tells this server
    if (life && *life > kOutsideTokenLife)
      return fail(kBadParameter,
                  "an API token of a user of " + caller.issuer + " lasts at most " + std::to_string(kOutsideTokenLife) + " s");
    if (!life) life = kOutsideTokenLife;
  }
  if (life) token.expires_ms = token.created_ms + *life * 1000;
  return token;
}

SessionApi::Answer SessionApi::create_token(Request& request) {
  fleet::AccessToken token = CO_TRY(read_new_token(request));
  const std::string secret = new_secret(random_);
  token.hash = hash_of(secret);
  auto start = [this, &token](auto done) { store_.add_access_token(token, done); };
  const Result<fleet::AccessToken> added = co_await delivered<Result<fleet::AccessToken>>(start);
  if (!added) co_return std::unexpected(added.error());
  access_.tokens().put(*added);
  Json json = to_json(*added);
  json["token"] = secret;
  co_return json_response(201, json);
}

SessionApi::Answer SessionApi::delete_token(Request& request) {
  const fleet::AccessToken caller = CO_TRY(access_.check(request));
  const std::uint64_t id = CO_TRY(id_parameter(request));
  for (const fleet::AccessToken& token : access_.tokens().of_user(caller.user))
    if (token.id == id) co_return co_await revoke(id);
  co_return fail(fleet::kTokenUnknown, "you have no token " + std::to_string(id));
}

SessionApi::Answer SessionApi::end_other_sessions(Request& request) {
  const fleet::AccessToken caller = CO_TRY(access_.check(request));
  auto start = [this, &caller](auto done) { store_.end_sessions(caller.user, caller.id, done); };
  const Result<> ended = co_await delivered<Result<>>(start);
  if (!ended) co_return std::unexpected(ended.error());
  access_.tokens().end_sessions(caller.user, caller.id);
  co_return Response{.status = 204};
}

}  // namespace aloft::server
