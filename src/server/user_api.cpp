#include "server/user_api.hpp"

#include "fleet/errors.hpp"
#include "httpd/elsewhere.hpp"
#include "server/errors.hpp"
#include "server/listing.hpp"

namespace aloft::server {
namespace {

using httpd::delivered;
using httpd::json_response;
using httpd::Method;
using httpd::offloaded;
using httpd::Request;
using httpd::Response;

Json form_of(const fleet::User& user) {
  Json json{{"name", user.name}, {"roles", fleet::role_names(user.roles)}, {"created_ms", user.created_ms}};
  if (!user.issuer.empty()) json["issuer"] = user.issuer;
  if (!user.display.empty()) json["display"] = user.display;
  return json;
}

Json form_of(const fleet::AuditEntry& entry) {
  Json json{{"id", entry.id},         {"time_ms", entry.time_ms}, {"user", entry.user},    {"peer", entry.peer},
            {"method", entry.method}, {"path", entry.path},       {"detail", entry.detail}};
  if (entry.status) json["status"] = *entry.status;
  if (entry.error != 0) json["error"] = entry.error;
  return json;
}

Result<fleet::Roles> read_roles(const Json& list) {
  std::vector<std::string> names;
  for (const Json& name : list) {
    if (!name.is_string()) return fail(kBadParameter, "\"roles\" must be texts");
    names.push_back(name.get<std::string>());
  }
  return fleet::roles_of(names);
}

}  // namespace

void UserApi::add_routes(httpd::Router& router) {
  router.add({Method::get, "/api/v1/users", [this](Request& r) { return list(r); }});
  router.add({Method::post, "/api/v1/users", [this](Request& r) { return create(r); }, kMaxJsonBytes});
  router.add({Method::put, "/api/v1/users/{name}", [this](Request& r) { return change(r); }, kMaxJsonBytes});
  router.add({Method::del, "/api/v1/users/{name}", [this](Request& r) { return remove(r); }});
  router.add({Method::put, "/api/v1/session/password", [this](Request& r) { return change_own_password(r); }, kMaxJsonBytes});
  router.add({Method::get, "/api/v1/audit", [this](Request& r) { return audit(r); }});
}

UserApi::Answer UserApi::list(Request& request) {
  CO_TRY(access_.check(request));
  Json users = Json::array();
  for (const fleet::User& user : CO_TRY(store_.users())) users.push_back(form_of(user));
  co_return json_response(200, Json{{"users", std::move(users)}});
}

Result<UserApi::Wish> UserApi::read_wish(const Request& request, std::optional<std::string> name) {
  const bool fresh = !name;
  const Json json = TRY(json_body(request));
  auto object = TRY(JsonObject::of(json, "user"));
  Wish wish;
  wish.name = name ? *std::move(name) : TRY(object.text("name", 64));
  wish.password = TRY(object.optional_text("password", kMaxPasswordBytes));
  if (const Json* roles = TRY(object.optional_array("roles", 8)); roles != nullptr) wish.roles = TRY(read_roles(*roles));
  if (fresh && !protocol::is_device_name(wish.name)) return fail(kBadParameter, "a user's name is 1-64 of A-Z a-z 0-9 . _ -");
  if (fresh && (!wish.password || !wish.roles)) return fail(kBadParameter, "a new user needs \"password\" and \"roles\"");
  if (!wish.password && !wish.roles) return fail(kBadParameter, "\"password\" or \"roles\" must be given");
  return wish;
}

UserApi::Answer UserApi::create(Request& request) {
  CO_TRY(access_.check(request));
  const Wish wish = CO_TRY(read_wish(request, {}));
  auto hash = [&wish] { return hash_password(*wish.password); };
  const Result<std::string> password = co_await offloaded(passwords_, hash);
  if (!password) co_return std::unexpected(password.error());
  const fleet::User user{.name = wish.name, .password = *password, .roles = *wish.roles, .created_ms = access_.now_ms()};
  auto start = [this, &user](auto done) { store_.add_user(user, done); };
  const Result<fleet::User> added = co_await delivered<Result<fleet::User>>(start);
  if (!added) co_return std::unexpected(added.error());
  co_return json_response(201, form_of(*added));
}

UserApi::Answer UserApi::apply(fleet::UserChange change) {
  auto start = [this, &change](auto done) { store_.change_user(change, done); };
  const Result<fleet::User> changed = co_await delivered<Result<fleet::User>>(start);
  if (!changed) co_return std::unexpected(changed.error());
  if (change.password) access_.tokens().end_sessions(change.name);
  access_.tokens().set_roles(change.name, changed->roles);
  co_return json_response(200, form_of(*changed));
}

UserApi::Answer UserApi::change(Request& request) {
  CO_TRY(access_.check(request));
  const std::string name = CO_TRY(user_parameter(request));
  const Wish wish = CO_TRY(read_wish(request, name));
  fleet::UserChange change{.name = name, .password = {}, .roles = wish.roles};
  if (wish.password) {
    auto hash = [&wish] { return hash_password(*wish.password); };
    const Result<std::string> password = co_await offloaded(passwords_, hash);
    if (!password) co_return std::unexpected(password.error());
    change.password = *password;
  }
  co_return co_await apply(std::move(change));
}

UserApi::Answer UserApi::remove(Request& request) {
  CO_TRY(access_.check(request));
  const std::string name = CO_TRY(user_parameter(request));
  auto start = [this, &name](auto done) { store_.delete_user(name, done); };
  const Result<> deleted = co_await delivered<Result<>>(start);
  if (!deleted) co_return std::unexpected(deleted.error());
  access_.tokens().remove_user(name);
  co_return Response{.status = 204};
}

UserApi::Answer UserApi::change_own_password(Request& request) {
  const std::string name = CO_TRY(access_.check(request)).user;
  const Json json = CO_TRY(json_body(request));
  auto object = CO_TRY(JsonObject::of(json, "password"));
  const std::string old_password = CO_TRY(object.text("old_password", kMaxPasswordBytes));
  const std::string password = CO_TRY(object.text("password", kMaxPasswordBytes));
  CO_TRY(attempts_.count(name, access_.clock().steady()));
  const std::optional<fleet::User> user = CO_TRY(store_.user(name));
  if (user && !user->issuer.empty())
    co_return fail(fleet::kUserFromOutside, "your password is kept at " + user->issuer + "; change it there");
  auto work = [&]() -> Result<std::string> {
    if (!user || !password_matches(user->password, old_password)) return fail(kBadCredentials, "the old password is wrong");
    return hash_password(password);
  };
  const Result<std::string> hash = co_await offloaded(passwords_, work);
  if (!hash) co_return std::unexpected(hash.error());
  attempts_.forgive(name);
  fleet::UserChange change{.name = name, .password = *hash, .roles = {}};
  co_return co_await apply(std::move(change));
}

UserApi::Answer UserApi::audit(Request& request) {
  CO_TRY(access_.check(request));
  const std::uint64_t before = CO_TRY(query_number(request, "before", UINT64_MAX)).value_or(UINT64_MAX);
  const std::size_t limit = CO_TRY(query_limit(request)) + 1;
  std::vector<fleet::AuditEntry> found = CO_TRY(store_.audit(query_text(request, "user"), before, limit));
  const auto form = [](const fleet::AuditEntry& entry) { return form_of(entry); };
  const auto place = [](const fleet::AuditEntry& entry) { return entry.id; };
  co_return json_response(200, listing("entries", std::move(found), limit, "next_before", form, place));
}

}  // namespace aloft::server
