#include "server/quota_api.hpp"

#include "httpd/elsewhere.hpp"

namespace aloft::server {
namespace {

using fleet::Quota;

bool is_counted(Quota quota) { return quota != Quota::requests_per_s; }

std::string family(std::string_view name, std::string_view type, std::string_view help, const std::string& rows) {
  return "# HELP " + std::string(name) + " " + std::string(help) + "\n# TYPE " + std::string(name) + " " + std::string(type) + "\n" + rows;
}

std::string row(std::string_view name, const std::string& labels, Quota quota, std::uint64_t value) {
  return std::string(name) + "{" + labels + "quota=\"" + std::string(to_string(quota)) + "\"} " + std::to_string(value) + "\n";
}

}  // namespace

Json quota_forms(const fleet::Limits& limits, const fleet::QuotaUse& use) {
  Json forms = Json::array();
  for (std::size_t at = 0; at < fleet::kQuotas; ++at) {
    const auto quota = static_cast<Quota>(at);
    Json form{{"quota", to_string(quota)}, {"refused", use.refused[at]}};
    if (is_counted(quota)) form["used"] = use.used[at];
    if (const auto& limit = limits.of(quota)) form["limit"] = *limit;
    forms.push_back(std::move(form));
  }
  return forms;
}

void QuotaMetrics::add(const std::string& labels, const fleet::Limits& limits, const fleet::QuotaUse& use) {
  for (std::size_t at = 0; at < fleet::kQuotas; ++at) {
    const auto quota = static_cast<Quota>(at);
    if (is_counted(quota)) used_ += row("aloft_quota_used", labels, quota, use.used[at]);
    if (const auto& limit = limits.of(quota)) limits_ += row("aloft_quota_limit", labels, quota, *limit);
    refused_ += row("aloft_quota_refused_total", labels, quota, use.refused[at]);
  }
}

std::string QuotaMetrics::text() const {
  return family("aloft_quota_used", "gauge", "What there is of what a quota can limit.", used_) +
         family("aloft_quota_limit", "gauge", "The quotas that are set.", limits_) +
         family("aloft_quota_refused_total", "counter", "Requests that a quota has refused since the start.", refused_);
}

void QuotaApi::add_routes(httpd::Router& router) {
  router.add({httpd::Method::get, "/api/v1/quotas", [this](httpd::Request& r) { return list(r); }});
}

httpd::Awaitable<Result<httpd::Response>> QuotaApi::list(httpd::Request& request) {
  CO_TRY(access_.check(request));
  const fleet::QuotaUse use = CO_TRY(desk_.use());
  co_return httpd::json_response(200, Json{{"quotas", quota_forms(desk_.limits(), use)}});
}

}  // namespace aloft::server
