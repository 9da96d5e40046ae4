#include "server/ddi_admin_api.hpp"

#include "httpd/elsewhere.hpp"
#include "server/errors.hpp"
#include "server/json_forms.hpp"
#include "server/parameters.hpp"

namespace aloft::server {
namespace {

using httpd::delivered;
using httpd::json_response;
using httpd::Method;
using httpd::Request;
using httpd::Response;

constexpr std::size_t kMinTokenBytes = 16;
constexpr std::size_t kMaxTokenBytes = 128;
constexpr std::size_t kMaxWordBytes = 64;
constexpr std::size_t kMaxGateways = 1000;

Json form_of(const fleet::DdiGateway& gateway) {
  return Json{{"id", gateway.id},
              {"note", gateway.note},
              {"product", gateway.product},
              {"hardware", gateway.hardware},
              {"created_ms", gateway.created_ms},
              {"created_by", gateway.created_by}};
}

Result<std::string> word(JsonObject& object, const char* key) {
  std::string text = TRY(object.text(key, kMaxWordBytes));
  if (text.empty()) return fail(kBadParameter, "\"" + std::string(key) + "\" must not be empty");
  return text;
}

}  // namespace

void DdiAdminApi::add_routes(httpd::Router& router) {
  router.add({Method::get, "/api/v1/ddi/gateways", [this](Request& r) { return list_gateways(r); }});
  router.add({Method::post, "/api/v1/ddi/gateways", [this](Request& r) { return add_gateway(r); }, kMaxJsonBytes});
  router.add({Method::del, "/api/v1/ddi/gateways/{id}", [this](Request& r) { return delete_gateway(r); }});
  router.add({Method::post, "/api/v1/ddi/devices", [this](Request& r) { return add_device(r); }, kMaxJsonBytes});
  router.add({Method::post, "/api/v1/ddi/devices/{name}/token", [this](Request& r) { return new_token(r); }, kMaxJsonBytes});
  router.add({Method::post, "/api/v1/ddi/devices/{name}/attributes", [this](Request& r) { return ask_attributes(r); }, kMaxJsonBytes});
  router.add({Method::get, "/api/v1/ddi/settings", [this](Request& r) { return settings(r); }});
  router.add({Method::put, "/api/v1/ddi/settings", [this](Request& r) { return change_settings(r); }, kMaxJsonBytes});
}

Result<std::string> DdiAdminApi::token_for(JsonObject& object) {
  std::optional<std::string> given = TRY(object.optional_text("token", kMaxTokenBytes));
  if (!given) return new_secret(random_);
  const bool printable =
      given->find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=") == std::string::npos;
  if (given->size() < kMinTokenBytes || !printable || given->front() == '-')
    return fail(kBadParameter,
                "\"token\" must have 16 to 128 letters, digits or -._~+/=, and not begin with '-'; without it the server makes one");
  return *given;
}

DdiAdminApi::Answer DdiAdminApi::list_gateways(Request& request) {
  CO_TRY(operators_.check(request));
  Json gateways = Json::array();
  for (const fleet::DdiGateway& gateway : access_.gateways()) gateways.push_back(form_of(gateway));
  co_return json_response(200, Json{{"gateways", std::move(gateways)}});
}

DdiAdminApi::Answer DdiAdminApi::add_gateway(Request& request) {
  const fleet::AccessToken who = CO_TRY(operators_.check(request));
  const Json json = CO_TRY(json_body(request));
  JsonObject object = CO_TRY(JsonObject::of(json, "gateway"));
  fleet::DdiGateway gateway{.created_ms = operators_.now_ms(), .created_by = who.user};
  gateway.note = CO_TRY(object.optional_text("note", 128)).value_or("");
  gateway.product = CO_TRY(word(object, "product"));
  gateway.hardware = CO_TRY(word(object, "hardware"));
  const std::string secret = CO_TRY(token_for(object));
  gateway.hash = hash_of(secret);
  if (access_.gateways().size() >= kMaxGateways) co_return fail(kBadParameter, "there are too many gateways; delete some first");
  for (const fleet::DdiGateway& known : access_.gateways())
    if (known.hash == gateway.hash) co_return fail(kBadParameter, "this token is in use by gateway " + std::to_string(known.id));
  auto start = [&](auto done) { store_.add_ddi_gateway(gateway, done); };
  const Result<fleet::DdiGateway> added = co_await delivered<Result<fleet::DdiGateway>>(start);
  if (!added) co_return std::unexpected(added.error());
  access_.put(*added);
  Json answer = form_of(*added);
  answer["token"] = secret;
  co_return json_response(201, answer);
}

DdiAdminApi::Answer DdiAdminApi::delete_gateway(Request& request) {
  CO_TRY(operators_.check(request));
  const std::uint64_t id = CO_TRY(id_parameter(request));
  auto start = [&](auto done) { store_.delete_ddi_gateway(id, done); };
  const Result<> deleted = co_await delivered<Result<>>(start);
  if (!deleted) co_return std::unexpected(deleted.error());
  access_.remove_gateway(id);
  co_return Response{.status = 204};
}

DdiAdminApi::Answer DdiAdminApi::add_device(Request& request) {
  CO_TRY(operators_.check(request));
  const Json json = CO_TRY(json_body(request));
  JsonObject object = CO_TRY(JsonObject::of(json, "device"));
  fleet::DdiRegistration wanted;
  wanted.name = CO_TRY(object.text("name", 64));
  wanted.product = CO_TRY(word(object, "product"));
  wanted.hardware = CO_TRY(word(object, "hardware"));
  wanted.now_ms = operators_.now_ms();
  if (!protocol::is_device_name(wanted.name))
    co_return fail(kBadParameter, "\"name\" must have 1 to 64 of letters, digits, \".\", \"_\", \"-\"");
  const std::string secret = CO_TRY(token_for(object));
  wanted.token_hash = hash_of(secret);
  auto start = [&](auto done) { store_.register_ddi_device(wanted, done); };
  const Result<fleet::Device> made = co_await delivered<Result<fleet::Device>>(start);
  if (!made) co_return std::unexpected(made.error());
  devices_.put(made->name);
  roster_.put(*made);
  changes_.device(made->name);
  Json answer = to_json(*made);
  answer["token"] = secret;
  co_return json_response(201, answer);
}

DdiAdminApi::Answer DdiAdminApi::new_token(Request& request) {
  CO_TRY(operators_.check(request));
  const std::string name = CO_TRY(name_parameter(request));
  const Json json = request.body.empty() ? Json::object() : CO_TRY(json_body(request));
  JsonObject object = CO_TRY(JsonObject::of(json, "token"));
  const std::string secret = CO_TRY(token_for(object));
  auto start = [&](auto done) { store_.set_ddi_token(name, hash_of(secret), done); };
  const Result<fleet::Device> device = co_await delivered<Result<fleet::Device>>(start);
  if (!device) co_return std::unexpected(device.error());
  roster_.put(*device);
  co_return json_response(200, Json{{"name", name}, {"token", secret}});
}

DdiAdminApi::Answer DdiAdminApi::ask_attributes(Request& request) {
  CO_TRY(operators_.check(request));
  const std::string name = CO_TRY(name_parameter(request));
  auto start = [&](auto done) { store_.want_attributes(name, done); };
  const Result<> wanted = co_await delivered<Result<>>(start);
  if (!wanted) co_return std::unexpected(wanted.error());
  if (DdiDevices::Entry* const entry = devices_.find(name)) entry->attributes_known = false;
  co_return Response{.status = 204};
}

Json DdiAdminApi::settings_form() const { return Json{{"poll_s", access_.poll_seconds()}, {"by_default", access_.polls_by_default()}}; }

DdiAdminApi::Answer DdiAdminApi::settings(Request& request) {
  CO_TRY(operators_.check(request));
  co_return json_response(200, settings_form());
}

DdiAdminApi::Answer DdiAdminApi::change_settings(Request& request) {
  CO_TRY(operators_.check(request));
  const Json json = CO_TRY(json_body(request));
  JsonObject object = CO_TRY(JsonObject::of(json, "settings"));
  const std::uint64_t seconds = CO_TRY(object.number("poll_s", ddi::kMaxPollSeconds));
  if (seconds < ddi::kMinPollSeconds) co_return fail(kBadParameter, "\"poll_s\" must be 1 to 86399");
  auto start = [&](auto done) { store_.put_setting(kPollSetting, std::to_string(seconds), done); };
  const Result<> written = co_await delivered<Result<>>(start);
  if (!written) co_return std::unexpected(written.error());
  access_.set_poll_seconds(seconds);
  co_return json_response(200, settings_form());
}

}  // namespace aloft::server
