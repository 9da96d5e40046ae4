#include "server/service_api.hpp"

#include "httpd/elsewhere.hpp"

namespace aloft::server {
namespace {

using httpd::Method;
using httpd::Request;
using httpd::Response;

constexpr std::chrono::seconds kCheckInterval{5};  // the check is a durable write, and anybody may ask

void add(std::string& text, std::string_view name, std::string_view type, std::string_view help, std::uint64_t value) {
  text += "# HELP " + std::string(name) + " " + std::string(help) + "\n# TYPE " + std::string(name) + " " + std::string(type) + "\n" +
          std::string(name) + " " + std::to_string(value) + "\n";
}

}  // namespace

void ServiceApi::add_routes(httpd::Router& router) {
  router.add({Method::get, "/healthz", [this](Request& r) { return health(r); }});
  router.add({Method::get, "/metrics", [this](Request& r) { return metrics(r); }});
}

ServiceApi::Answer ServiceApi::health(Request&) {
  const SteadyTime now = clock_.steady();
  if (!checked_ || *checked_ + kCheckInterval <= now) {
    checked_ = now;
    auto start = [this](auto done) { store_.check_writable(done); };
    writable_ = co_await httpd::delivered<Result<>>(start);
  }
  if (!writable_) co_return httpd::error_response(503, writable_.error());
  co_return httpd::json_response(200, Json{{"status", "ok"}});
}

void ServiceApi::add_deltas(std::string& text) {
  add(text, "aloft_deltas", "gauge", "Deltas that devices can be offered.", deltas_.count());
  add(text, "aloft_delta_bytes", "gauge", "Bytes of these.", deltas_.size_bytes());
  add(text, "aloft_delta_making", "gauge", "1 while one is being made.", workshop_.counters().making ? 1 : 0);
  add(text, "aloft_deltas_made_total", "counter", "Made since the start.", workshop_.counters().made);
  add(text, "aloft_deltas_failed_total", "counter", "Could not be made, or did not pay, since the start.", workshop_.counters().failed);
  const auto totals = store_.downloads({}).value_or(std::vector<fleet::DownloadTotal>{});
  const auto family = [&](const std::string& name, std::string_view help, const auto& value) {
    text += "# HELP " + name + " " + std::string(help) + "\n# TYPE " + name + " counter\n";
    for (const fleet::DownloadTotal& total : totals)
      text += name + "{method=\"" + std::string(protocol::to_string(total.method)) + "\"} " + std::to_string(value(total)) + "\n";
  };
  family("aloft_downloads_total", "Deployments by the way their bytes came, as devices told.",
         [](const fleet::DownloadTotal& total) { return total.deployments; });
  family("aloft_download_fetched_bytes_total", "Bytes that devices fetched for them.",
         [](const fleet::DownloadTotal& total) { return total.fetched_bytes; });
  family("aloft_download_saved_bytes_total", "Bytes that they did not fetch, against whole bundles.",
         [](const fleet::DownloadTotal& total) { return total.saved_bytes; });
}

void ServiceApi::add_server(std::string& text) const {
  const httpd::Counters& counters = counters_();
  add(text, "aloft_connections_open", "gauge", "Open connections.", counters.connections_open);
  add(text, "aloft_requests_running", "gauge", "Requests being answered, held polls among them.", counters.requests_running);
  add(text, "aloft_connections_total", "counter", "Accepted connections.", counters.connections_total);
  add(text, "aloft_request_bodies_bytes", "gauge", "Of request bodies in memory, but for 16 KiB of each.", counters.bodies_bytes);
  add(text, "aloft_request_bodies_refused_total", "counter", "Requests whose body was over the limit of all together.",
      counters.bodies_refused);
  add(text, "aloft_connections_refused_total", "counter", "Connections over the limit.", counters.connections_refused);
  add(text, "aloft_connections_evicted_total", "counter", "Idle connections that made room for new ones.", counters.connections_evicted);
  add(text, "aloft_connections_expired_total", "counter", "Connections ended for being too slow.", counters.connections_expired);
  add(text, "aloft_sent_bytes_total", "counter", "Bytes of answers' bodies.", counters.sent_bytes);
  text += "# HELP aloft_responses_total Answers by class of status.\n# TYPE aloft_responses_total counter\n";
  for (std::size_t c = 1; c <= 5; ++c)
    text += "aloft_responses_total{class=\"" + std::to_string(c) + "xx\"} " + std::to_string(counters.responses[c]) + "\n";
}

ServiceApi::Answer ServiceApi::metrics(Request&) {
  std::string text;
  add(text, "aloft_uptime_seconds", "counter", "Since the server started.",
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(clock_.steady() - started_).count()));
  if (counters_) add_server(text);
  text += "# HELP aloft_devices Devices by status.\n# TYPE aloft_devices gauge\n";
  for (const auto status : {fleet::DeviceStatus::pending, fleet::DeviceStatus::accepted, fleet::DeviceStatus::rejected})
    text +=
        "aloft_devices{status=\"" + std::string(fleet::to_string(status)) + "\"} " + std::to_string(roster_.device_count(status)) + "\n";
  add(text, "aloft_deployments_active", "gauge", "Unfinished deployments.", roster_.deployment_count());
  text += "# HELP aloft_rollout_devices Devices of the rollouts that have not ended.\n# TYPE aloft_rollout_devices gauge\n";
  const std::vector<fleet::Rollout> rollouts = rollouts_.all_live();
  for (const fleet::Rollout& rollout : rollouts)
    for (std::size_t state = 0; state < rollout.counts.size(); ++state)
      text += "aloft_rollout_devices{rollout=\"" + std::to_string(rollout.id) + "\",state=\"" +
              std::string(to_string(static_cast<fleet::MemberState>(state))) + "\"} " + std::to_string(rollout.counts[state]) + "\n";
  text += "# HELP aloft_rollout_state 1 for the state that a rollout is in.\n# TYPE aloft_rollout_state gauge\n";
  for (const fleet::Rollout& rollout : rollouts)
    text +=
        "aloft_rollout_state{rollout=\"" + std::to_string(rollout.id) + "\",state=\"" + std::string(to_string(rollout.state)) + "\"} 1\n";
  add_deltas(text);
  const fleet::QuotaUse use = CO_TRY(quotas_.use());
  QuotaMetrics quotas;
  quotas.add("", quotas_.limits(), use);
  text += quotas.text();
  Response response{.headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}, {"Cache-Control", "no-store"}}};
  response.body = std::move(text);
  co_return response;
}

}  // namespace aloft::server
