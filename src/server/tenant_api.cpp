#include "server/tenant_api.hpp"

#include "httpd/elsewhere.hpp"
#include "server/errors.hpp"
#include "server/json_forms.hpp"
#include "server/quota_api.hpp"
#include "server/tenant_name.hpp"

namespace aloft::server {
namespace {

using httpd::json_response;
using httpd::Method;
using httpd::offloaded;
using httpd::Request;
using httpd::Response;

constexpr std::array<fleet::DeviceStatus, 3> kDeviceStatuses{fleet::DeviceStatus::pending, fleet::DeviceStatus::accepted,
                                                             fleet::DeviceStatus::rejected};

Json form_of(const Tenants::Standing& standing) {
  Json json{{"name", standing.tenant.name},
            {"url", standing.url},
            {"state", to_string(standing.state)},
            {"created_ms", standing.tenant.created_ms}};
  if (!standing.tenant.host.empty()) json["host"] = standing.tenant.host;
  if (!standing.problem.empty()) json["problem"] = standing.problem;
  json["limits"] = to_json(standing.tenant.limits);
  if (!standing.summary) return json;
  json["quotas"] = quota_forms(standing.tenant.limits, standing.summary->quotas);
  for (const auto status : kDeviceStatuses)
    json["devices"][std::string(to_string(status))] = standing.summary->devices[static_cast<std::size_t>(status)];
  json["active_deployments"] = standing.summary->deployments;
  json["active_rollouts"] = standing.summary->rollouts;
  return json;
}

void begin_family(std::string& text, std::string_view name, std::string_view help) {
  text += "# HELP " + std::string(name) + " " + std::string(help) + "\n# TYPE " + std::string(name) + " gauge\n";
}

void add(std::string& text, std::string_view name, const Tenants::Standing& standing, const std::string& more, std::size_t value) {
  text += std::string(name) + "{tenant=\"" + standing.tenant.name + "\"" + more + "} " + std::to_string(value) + "\n";
}

}  // namespace

void TenantApi::add_routes(httpd::Router& router) {
  router.add({Method::get, "/api/v1/tenants", [this](Request& r) { return list(r); }});
  router.add({Method::post, "/api/v1/tenants", [this](Request& r) { return create(r); }, kMaxJsonBytes});
  router.add({Method::get, "/api/v1/tenants/{name}", [this](Request& r) { return get(r); }});
  router.add({Method::put, "/api/v1/tenants/{name}", [this](Request& r) { return change(r); }, kMaxJsonBytes});
  router.add({Method::del, "/api/v1/tenants/{name}", [this](Request& r) { return remove(r); }});
  router.add({Method::post, "/api/v1/tenants/{name}/setup-link", [this](Request& r) { return renew_link(r); }, kMaxJsonBytes});
  router.add({Method::get, "/api/v1/tenant-metrics", [this](Request& r) { return metrics(r); }});
}

Result<Tenants::Standing> TenantApi::find(const std::string& name) const {
  for (Tenants::Standing& standing : tenants_.standing())
    if (standing.tenant.name == name) return std::move(standing);
  return fail(kNoSuchTenant, "there is no tenant " + name);
}

Result<std::string> TenantApi::name_of(const Request& request) const {
  TRY(access_.check(request));
  std::string name = request.parameters.at("name");
  TRY(check_tenant_name(name));
  return name;
}

// The same words as a first start prints.
Json TenantApi::with_link(const Tenants::Standing& standing, const std::string& secret) const {
  Json json = form_of(standing);
  json["setup_token"] = tenants_.reach().setup_token(secret);
  json["setup_url"] = standing.url + "/setup#" + tenants_.reach().setup_token(secret);
  return json;
}

TenantApi::Answer TenantApi::list(Request& request) {
  CO_TRY(access_.check(request));
  Json all = Json::array();
  for (const Tenants::Standing& standing : tenants_.standing()) all.push_back(form_of(standing));
  co_return json_response(200, Json{{"tenants", std::move(all)}});
}

TenantApi::Answer TenantApi::get(Request& request) {
  const std::string name = CO_TRY(name_of(request));
  const Tenants::Standing standing = CO_TRY(find(name));
  co_return json_response(200, form_of(standing));
}

TenantApi::Answer TenantApi::create(Request& request) {
  CO_TRY(access_.check(request));
  const Json json = CO_TRY(json_body(request));
  JsonObject object = CO_TRY(JsonObject::of(json, "tenant"));
  const std::string name = CO_TRY(object.text("name", 256));
  const std::string host = CO_TRY(object.optional_text("host", 256)).value_or("");
  const Json* const wanted = CO_TRY(object.optional_object("limits"));
  const fleet::Limits limits = CO_TRY(fleet::changed_limits({}, wanted == nullptr ? Json::object() : *wanted));
  auto work = [&] { return tenants_.folder().add(name, host, clock_, random_, limits); };
  const Result<std::string> secret = co_await offloaded(tenants_.keeper(), work);
  if (!secret) co_return std::unexpected(secret.error());
  co_await tenants_.follow_now();
  const auto found = find(name);
  // Its link is not lost when it cannot be taken in at once, as while another's large store is being read.
  const Tenant made{.name = name, .host = host, .created_ms = access_.now_ms(), .limits = limits};
  const Tenants::Standing starting{.tenant = made, .url = tenants_.reach().url_of(made), .state = Tenants::Standing::State::starting};
  co_return json_response(201, with_link(found ? *found : starting, *secret));
}

TenantApi::Answer TenantApi::change(Request& request) {
  const std::string name = CO_TRY(name_of(request));
  const Json json = CO_TRY(json_body(request));
  JsonObject object = CO_TRY(JsonObject::of(json, "tenant"));
  const std::optional<bool> suspended = CO_TRY(object.optional_boolean("suspended"));
  const Json* const limits = CO_TRY(object.optional_object("limits"));
  if (!suspended && limits == nullptr) co_return fail(kBadParameter, "\"suspended\" or \"limits\" must be given");
  auto work = [&]() -> Result<> {
    if (limits != nullptr) TRY(tenants_.folder().change_limits(name, *limits));
    return suspended ? tenants_.folder().set_suspended(name, *suspended) : Result<>{};
  };
  const Result<> changed = co_await offloaded(tenants_.keeper(), work);
  if (!changed) co_return std::unexpected(changed.error());
  co_await tenants_.follow_now();
  const Tenants::Standing standing = CO_TRY(find(name));
  co_return json_response(200, form_of(standing));
}

TenantApi::Answer TenantApi::remove(Request& request) {
  const std::string name = CO_TRY(name_of(request));
  CO_TRY(find(name));
  // What its users and devices have under way is answered first.
  co_await tenants_.hold(name);
  auto work = [&] { return tenants_.folder().remove(name, random_); };
  const Result<> removed = co_await offloaded(tenants_.keeper(), work);
  tenants_.let_go(name);
  co_await tenants_.follow_now();
  if (!removed) co_return std::unexpected(removed.error());
  co_return Response{.status = 204};
}

TenantApi::Answer TenantApi::renew_link(Request& request) {
  const std::string name = CO_TRY(name_of(request));
  const Tenants::Standing standing = CO_TRY(find(name));
  auto work = [&] { return tenants_.folder().renew_link(name, random_); };
  const Result<std::string> secret = co_await offloaded(tenants_.keeper(), work);
  if (!secret) co_return std::unexpected(secret.error());
  co_return json_response(200, with_link(standing, *secret));
}

TenantApi::Answer TenantApi::metrics(Request& request) {
  CO_TRY(access_.check(request));
  const std::vector<Tenants::Standing> all = tenants_.standing();
  std::string text;
  begin_family(text, "aloft_tenant_state", "1 for the state that a tenant is in.");
  for (const auto& standing : all)
    add(text, "aloft_tenant_state", standing, ",state=\"" + std::string(to_string(standing.state)) + "\"", 1);
  begin_family(text, "aloft_tenant_devices", "Devices by tenant and status.");
  for (const auto& standing : all)
    for (const auto status : kDeviceStatuses)
      if (standing.summary)
        add(text, "aloft_tenant_devices", standing, ",status=\"" + std::string(to_string(status)) + "\"",
            standing.summary->devices[static_cast<std::size_t>(status)]);
  begin_family(text, "aloft_tenant_deployments_active", "Unfinished deployments by tenant.");
  for (const auto& standing : all)
    if (standing.summary) add(text, "aloft_tenant_deployments_active", standing, "", standing.summary->deployments);
  begin_family(text, "aloft_tenant_rollouts_active", "Rollouts that have not ended, by tenant.");
  for (const auto& standing : all)
    if (standing.summary) add(text, "aloft_tenant_rollouts_active", standing, "", standing.summary->rollouts);
  QuotaMetrics quotas;
  for (const auto& standing : all)
    if (standing.summary) quotas.add("tenant=\"" + standing.tenant.name + "\",", standing.tenant.limits, standing.summary->quotas);
  text += quotas.text();
  Response response{.headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}, {"Cache-Control", "no-store"}}};
  response.body = std::move(text);
  co_return response;
}

}  // namespace aloft::server
