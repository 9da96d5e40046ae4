#include "server/deployment_api.hpp"

#include <set>

#include "httpd/elsewhere.hpp"
#include "server/errors.hpp"
#include "server/event_stream.hpp"
#include "server/json_forms.hpp"
#include "server/listing.hpp"

namespace aloft::server {
namespace {

using httpd::delivered;
using httpd::json_response;
using httpd::Method;
using httpd::Request;
using httpd::Response;

constexpr std::size_t kMaxDevicesAtOnce = 1000;
constexpr std::uint64_t kMaxDeployBytes = 256U << 10;
constexpr std::size_t kMaxTransitionsShown = 10'000;

}  // namespace

void DeploymentApi::add_routes(httpd::Router& router) {
  router.add({Method::get, "/api/v1/deployments", [this](Request& r) { return list(r); }});
  router.add({Method::post, "/api/v1/deployments", [this](Request& r) { return create(r); }, kMaxDeployBytes});
  router.add({Method::get, "/api/v1/deployments/{id}", [this](Request& r) { return get(r); }});
  router.add({Method::post, "/api/v1/deployments/{id}/cancel", [this](Request& r) { return cancel(r); }, kMaxJsonBytes});
  router.add({Method::post, "/api/v1/deployments/{id}/release", [this](Request& r) { return release(r); }, kMaxJsonBytes});
  router.add({Method::get, "/api/v1/deployments/{id}/events", [this](Request& r) { return watch(r); }});
  router.add({Method::get, "/api/v1/deployments/{id}/log", [this](Request& r) { return log(r); }});
}

Result<fleet::DeploymentQuery> DeploymentApi::read_query(const Request& request) {
  TRY(access_.check(request));
  fleet::DeploymentQuery query{.device = query_text(request, "device")};
  query.release = TRY(query_number(request, "release", fleet::kMaxDeploymentId));
  query.active = TRY(query_boolean(request, "active"));
  query.before = TRY(query_number(request, "before", UINT64_MAX)).value_or(UINT64_MAX);
  query.limit = TRY(query_limit(request)) + 1;
  return query;
}

DeploymentApi::Answer DeploymentApi::list(Request& request) {
  const fleet::DeploymentQuery query = CO_TRY(read_query(request));
  std::vector<fleet::Deployment> found = CO_TRY(store_.deployments(query));
  const auto form = [](const fleet::Deployment& deployment) { return to_json(deployment); };
  const auto place = [](const fleet::Deployment& deployment) { return deployment.id; };
  co_return json_response(200, listing("deployments", std::move(found), query.limit, "next_before", form, place));
}

Result<fleet::NewDeployments> DeploymentApi::read_new(const Request& request) {
  fleet::NewDeployments wanted{.created_by = TRY(access_.check(request)).user, .now_ms = access_.now_ms()};
  const Json json = TRY(json_body(request));
  auto object = TRY(JsonObject::of(json, "deployment"));
  wanted.release = TRY(object.number("release", fleet::kMaxDeploymentId));
  if (const Json* policy = TRY(object.optional_object("policy")); policy != nullptr)
    wanted.policy = TRY(protocol::from_json<protocol::InstallPolicy>(*policy));
  std::set<std::string> seen;
  for (const Json& name : *TRY(object.array("devices", kMaxDevicesAtOnce))) {
    if (!name.is_string() || !protocol::is_device_name(name.get_ref<const std::string&>()))
      return fail(kBadParameter, "\"devices\" must be devices' names");
    if (!seen.insert(name.get<std::string>()).second) return fail(kBadParameter, "\"devices\" names a device twice");
    wanted.devices.push_back(name.get<std::string>());
  }
  if (wanted.devices.empty()) return fail(kBadParameter, "\"devices\" must name at least one device");
  return wanted;
}

DeploymentApi::Answer DeploymentApi::create(Request& request) {
  fleet::NewDeployments wanted = CO_TRY(read_new(request));
  auto start = [this, &wanted](auto done) { store_.add_deployments(std::move(wanted), done); };
  const Result<std::vector<fleet::Deployment>> made = co_await delivered<Result<std::vector<fleet::Deployment>>>(start);
  if (!made) co_return std::unexpected(made.error());
  Json deployments = Json::array();
  for (const fleet::Deployment& deployment : *made) {
    roster_.apply(deployment);
    changes_.deployment(deployment);
    deployments.push_back(to_json(deployment));
  }
  co_return json_response(201, Json{{"deployments", std::move(deployments)}});
}

DeploymentApi::Answer DeploymentApi::get(Request& request) {
  CO_TRY(access_.check(request));
  const std::uint64_t id = CO_TRY(id_parameter(request));
  const fleet::Deployment deployment = CO_TRY(store_.deployment(id));
  const std::vector<fleet::Transition> found = CO_TRY(store_.transitions(id, 0, kMaxTransitionsShown));
  Json transitions = Json::array();
  for (const fleet::Transition& transition : found) transitions.push_back(to_json(transition));
  Json json = to_json(deployment);
  json["transitions"] = std::move(transitions);
  co_return json_response(200, json);
}

DeploymentApi::Answer DeploymentApi::cancel(Request& request) {
  const fleet::AccessToken token = CO_TRY(access_.check(request));
  const std::uint64_t id = CO_TRY(id_parameter(request));
  auto start = [&](auto done) { store_.cancel_deployment(id, token.user, access_.now_ms(), done); };
  const Result<fleet::Deployment> cancelled = co_await delivered<Result<fleet::Deployment>>(start);
  if (!cancelled) co_return std::unexpected(cancelled.error());
  roster_.apply(*cancelled);
  changes_.deployment(*cancelled);
  co_return json_response(200, to_json(*cancelled));
}

DeploymentApi::Answer DeploymentApi::release(Request& request) {
  const fleet::AccessToken token = CO_TRY(access_.check(request));
  const std::uint64_t id = CO_TRY(id_parameter(request));
  auto start = [&](auto done) { store_.release_deployment(id, token.user, access_.now_ms(), done); };
  const Result<fleet::Deployment> released = co_await delivered<Result<fleet::Deployment>>(start);
  if (!released) co_return std::unexpected(released.error());
  roster_.apply(*released);
  changes_.deployment(*released);
  co_return json_response(200, to_json(*released));
}

Result<std::uint64_t> DeploymentApi::read_last_event(const Request& request) {
  const std::string_view header = request.header("last-event-id");
  if (header.empty()) return 0U;
  const auto id = whole_number(header);
  if (!id) return fail(kBadParameter, "Last-Event-ID must be the id of an event");
  return *id;
}

DeploymentApi::Answer DeploymentApi::watch(Request& request) {
  const fleet::AccessToken token = CO_TRY(access_.check(request));
  const std::uint64_t id = CO_TRY(id_parameter(request));
  const std::uint64_t after = CO_TRY(read_last_event(request));
  CO_TRY(store_.deployment(id));
  auto stream = std::make_shared<EventStream>(store_, roster_, request.departure, access_.still_may(request, token), id, after);
  Response response{.headers = {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}}};
  response.body = httpd::LiveBody([stream] { return stream->next(); });
  co_return response;
}

DeploymentApi::Answer DeploymentApi::log(Request& request) {
  CO_TRY(access_.check(request));
  const std::uint64_t id = CO_TRY(id_parameter(request));
  std::string text = CO_TRY(store_.log(id));
  Response response{.headers = {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}}};
  response.body = std::move(text);
  co_return response;
}

}  // namespace aloft::server
