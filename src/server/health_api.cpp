#include "server/health_api.hpp"

#include "httpd/elsewhere.hpp"

namespace aloft::server {
namespace {

using httpd::json_response;
using httpd::Method;
using httpd::Request;

Json to_json(const fleet::DeviceHealth& health) {
  Json versions = Json::array();
  for (const auto& version : health.versions) {
    Json json = protocol::to_json(version.vitals);
    json["changed_ms"] = version.changed_ms;
    for (auto& [name, metric] : json["metrics"].items())
      metric["mean"] = metric["sum"].get<double>() / static_cast<double>(metric["count"].get<std::uint64_t>());
    versions.push_back(std::move(json));
  }
  Json json{{"versions", std::move(versions)}};
  if (!health.last_boot.empty()) json["last_boot"] = health.last_boot;
  return json;
}

}  // namespace

void HealthApi::add_routes(httpd::Router& router) {
  router.add({Method::get, "/api/v1/devices/{name}/health", [this](Request& r) { return of_device(r); }});
  router.add({Method::get, "/api/v1/releases/{id}/health", [this](Request& r) { return of_release(r); }});
  router.add({Method::get, "/api/v1/rollouts/{id}/health", [this](Request& r) { return of_rollout(r); }});
}

HealthApi::Answer HealthApi::of_device(Request& request) {
  CO_TRY(access_.check(request));
  const std::string name = CO_TRY(name_parameter(request));
  const fleet::DeviceHealth health = CO_TRY(store_.device_health(name));
  co_return json_response(200, to_json(health));
}

HealthApi::Answer HealthApi::compare(fleet::HealthQuery query) {
  auto work = [this, &query] { return store_.release_health(query); };
  const Result<fleet::ReleaseHealth> health = co_await httpd::offloaded(disk_, work);
  if (!health) co_return std::unexpected(health.error());
  Json json = fleet::to_json(*health);
  json["version"] = query.version;
  co_return json_response(200, json);
}

HealthApi::Answer HealthApi::of_release(Request& request) {
  CO_TRY(access_.check(request));
  const std::uint64_t id = CO_TRY(id_parameter(request));
  const fleet::Release release = CO_TRY(store_.release(id));
  fleet::HealthQuery query{.product = release.product, .version = release.version, .rollout = {}, .only = {}};
  co_return co_await compare(std::move(query));
}

HealthApi::Answer HealthApi::of_rollout(Request& request) {
  CO_TRY(access_.check(request));
  const std::uint64_t id = CO_TRY(id_parameter(request));
  const fleet::Rollout rollout = CO_TRY(store_.rollout(id));
  const fleet::Release release = CO_TRY(store_.release(rollout.plan.release));
  fleet::HealthQuery query{
      .product = release.product, .version = release.version, .rollout = id, .ended_after_ms = rollout.judged_after_ms, .only = {}};
  co_return co_await compare(std::move(query));
}

}  // namespace aloft::server
