#include "server/device_admin_api.hpp"

#include <algorithm>

#include "httpd/elsewhere.hpp"
#include "server/errors.hpp"
#include "server/json_forms.hpp"
#include "server/listing.hpp"

namespace aloft::server {
namespace {

using httpd::delivered;
using httpd::json_response;
using httpd::Method;
using httpd::Request;
using httpd::Response;

constexpr std::uint64_t kTokenLifeSeconds = 7 * 24 * 3600;
constexpr std::uint64_t kMaxTokenLifeSeconds = 315'360'000;

}  // namespace

void DeviceAdminApi::add_routes(httpd::Router& router) {
  using fleet::DeviceStatus;
  router.add({Method::get, "/api/v1/devices", [this](Request& r) { return list(r); }});
  router.add({Method::get, "/api/v1/devices/{name}", [this](Request& r) { return get(r); }});
  router.add({Method::del, "/api/v1/devices/{name}", [this](Request& r) { return remove(r); }});
  router.add(
      {Method::post, "/api/v1/devices/{name}/accept", [this](Request& r) { return set_status(r, DeviceStatus::accepted); }, kMaxJsonBytes});
  router.add(
      {Method::post, "/api/v1/devices/{name}/reject", [this](Request& r) { return set_status(r, DeviceStatus::rejected); }, kMaxJsonBytes});
  router.add({Method::get, "/api/v1/enrolment-tokens", [this](Request& r) { return list_tokens(r); }});
  router.add({Method::post, "/api/v1/enrolment-tokens", [this](Request& r) { return create_token(r); }, kMaxJsonBytes});
  router.add({Method::del, "/api/v1/enrolment-tokens/{id}", [this](Request& r) { return delete_token(r); }});
}

fleet::Device DeviceAdminApi::with_last_seen(fleet::Device device) const {
  const Roster::Entry* entry = roster_.find(device.name);
  if (entry != nullptr) device.last_seen_ms = std::max(device.last_seen_ms, entry->last_seen_ms);
  return device;
}

Result<Json> DeviceAdminApi::form_of(const fleet::Device& device, bool with_attributes) {
  const fleet::DeviceFacts facts = TRY(store_.device_facts(device.name));
  Json json = to_json(with_last_seen(device));
  json["tags"] = facts.tags;
  json["groups"] = facts.groups;
  json["update_status"] = to_string(facts.update_status);
  if (with_attributes) json["attributes"] = facts.attributes;
  return json;
}

Result<fleet::DeviceQuery> DeviceAdminApi::read_query(const Request& request, std::optional<fleet::Filter>& filter) {
  TRY(access_.check(request));
  fleet::DeviceQuery query{.after = query_text(request, "after").value_or(""), .now_ms = access_.now_ms()};
  query.limit = TRY(query_limit(request)) + 1;
  if (const auto text = query_text(request, "q"); text && !text->empty()) filter = TRY(fleet::Filter::parse(*text));
  if (filter) query.filter = &*filter;
  if (const auto status = query_text(request, "status")) query.status = TRY(fleet::device_status_of(*status));
  return query;
}

DeviceAdminApi::Answer DeviceAdminApi::list(Request& request) {
  std::optional<fleet::Filter> filter;
  const fleet::DeviceQuery query = CO_TRY(read_query(request, filter));
  std::vector<fleet::Device> found = CO_TRY(store_.devices(query));
  const auto form = [this](const fleet::Device& device) { return form_of(device, false).value_or(to_json(device)); };
  const auto place = [](const fleet::Device& device) { return device.name; };
  co_return json_response(200, listing("devices", std::move(found), query.limit, "next_after", form, place));
}

DeviceAdminApi::Answer DeviceAdminApi::get(Request& request) {
  CO_TRY(access_.check(request));
  const std::string name = CO_TRY(name_parameter(request));
  const fleet::Device device = CO_TRY(store_.device(name));
  const Json json = CO_TRY(form_of(device, true));
  co_return json_response(200, json);
}

DeviceAdminApi::Answer DeviceAdminApi::remove(Request& request) {
  CO_TRY(access_.check(request));
  const std::string name = CO_TRY(name_parameter(request));
  auto start = [this, &name](auto done) { store_.delete_device(name, done); };
  const Result<std::uint64_t> deleted = co_await delivered<Result<std::uint64_t>>(start);
  if (!deleted) co_return std::unexpected(deleted.error());
  roster_.remove(name);
  changes_.deleted(*deleted);
  changes_.device(name);
  co_return Response{.status = 204};
}

DeviceAdminApi::Answer DeviceAdminApi::set_status(Request& request, fleet::DeviceStatus status) {
  CO_TRY(access_.check(request));
  const std::string name = CO_TRY(name_parameter(request));
  auto start = [this, &name, status](auto done) { store_.set_device_status(name, status, done); };
  const Result<fleet::Device> device = co_await delivered<Result<fleet::Device>>(start);
  if (!device) co_return std::unexpected(device.error());
  roster_.put(*device);
  changes_.device(name);
  co_return json_response(200, to_json(with_last_seen(*device)));
}

DeviceAdminApi::Answer DeviceAdminApi::list_tokens(Request& request) {
  CO_TRY(access_.check(request));
  const std::vector<fleet::EnrolmentToken> found = CO_TRY(store_.enrolment_tokens());
  Json tokens = Json::array();
  for (const fleet::EnrolmentToken& token : found) tokens.push_back(to_json(token));
  co_return json_response(200, Json{{"enrolment_tokens", std::move(tokens)}});
}

Result<fleet::EnrolmentToken> DeviceAdminApi::read_new_token(const Request& request) {
  TRY(access_.check(request));
  const Json json = TRY(json_body(request));
  auto object = TRY(JsonObject::of(json, "enrolment token"));
  fleet::EnrolmentToken token{.note = TRY(object.optional_text("note", 128)).value_or(""), .created_ms = access_.now_ms()};
  const std::uint64_t life = TRY(object.optional_number("expires_in_s", kMaxTokenLifeSeconds)).value_or(kTokenLifeSeconds);
  if (life < 60) return fail(kBadParameter, "\"expires_in_s\" must be at least 60");
  token.expires_ms = token.created_ms + life * 1000;
  return token;
}

DeviceAdminApi::Answer DeviceAdminApi::create_token(Request& request) {
  fleet::EnrolmentToken token = CO_TRY(read_new_token(request));
  const std::string secret = new_secret(random_);
  token.hash = hash_of(secret);
  auto start = [this, &token](auto done) { store_.add_enrolment_token(token, done); };
  const Result<fleet::EnrolmentToken> added = co_await delivered<Result<fleet::EnrolmentToken>>(start);
  if (!added) co_return std::unexpected(added.error());
  Json json = to_json(*added);
  json["token"] = certificate_sha256_.empty() ? secret : secret + "." + certificate_sha256_;
  if (!address_.empty()) json["url"] = address_;
  co_return json_response(201, json);
}

DeviceAdminApi::Answer DeviceAdminApi::delete_token(Request& request) {
  CO_TRY(access_.check(request));
  const std::uint64_t id = CO_TRY(id_parameter(request));
  auto start = [this, id](auto done) { store_.delete_enrolment_token(id, done); };
  const Result<> deleted = co_await delivered<Result<>>(start);
  if (!deleted) co_return std::unexpected(deleted.error());
  co_return Response{.status = 204};
}

}  // namespace aloft::server
