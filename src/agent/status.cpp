#include "agent/status.hpp"

#include "agent/delta_source.hpp"
#include "base/clock.hpp"
#include "net/http_client.hpp"

namespace aloft::agent {
namespace {

std::string_view to_string(boot::SlotHealth health) {
  switch (health) {
    case boot::SlotHealth::committed: return "committed";
    case boot::SlotHealth::trial: return "trial";
    case boot::SlotHealth::bad: return "bad";
  }
  return "bad";
}

Json boot_json(const boot::BootState& boot) {
  Json order = Json::array();
  for (const boot::SlotState& slot : boot.order)
    order.push_back(Json{{"group", slot.name}, {"health", to_string(slot.health)}, {"tries_left", slot.tries_left}});
  return order;
}

Json server_json(const ServerStatus& server) {
  Json json{{"url", server.url}, {"name", server.name}, {"enrolled", server.enrolled}, {"connected", server.connected}};
  if (!server.key_sha256.empty()) json["key_sha256"] = server.key_sha256;
  if (!server.problem.empty()) json["problem"] = server.problem;
  return json;
}

// Names of files are shown as they are.
std::string shown_source(const std::string& source) {
  SourceParts parts = split_source(source);
  for (std::string* part : {&parts.bundle, &parts.delta})
    if (part->contains("://")) *part = net::without_secrets(*part);
  return join_source(parts);
}

}  // namespace

Json update_json(const update::State& state, std::optional<std::uint64_t> progress_permille) {
  Json json{{"number", state.update},
            {"state", protocol::to_string(reported_state(state.phase))},
            {"phase", update::to_string(state.phase)},
            {"time", to_iso8601(WallTime(std::chrono::milliseconds(state.time_ms)))},
            {"source", shown_source(state.source)}};
  if (state.deployment != 0) json["deployment"] = state.deployment;
  if (!state.version.empty()) json["version"] = state.version;
  if (!state.manifest_sha256.empty()) json["manifest_sha256"] = state.manifest_sha256;
  if (!state.target.empty()) json["group"] = state.target;
  if (progress_permille) json["progress_permille"] = *progress_permille;
  if (state.error != 0) json["error"] = Json{{"number", state.error}, {"name", state.error_name}};
  if (!state.message.empty()) json["message"] = state.message;
  return json;
}

Json to_json(const AgentStatus& status) {
  Json json{{"product", status.product},
            {"hardware", status.hardware},
            {"version", status.version},
            {"group", status.group},
            {"reports_waiting", status.reports_waiting},
            {"watchdog", Json{{"present", status.watchdog.present},
                              {"armed", status.watchdog.armed},
                              {"timeout_s", status.watchdog.timeout_s},
                              {"caused_last_boot", status.watchdog.caused_last_boot}}}};
  const auto& state = status.update.state;
  if (state.update != 0) json["update"] = update_json(state, status.update.progress_permille);
  json["busy"] = !update::is_at_rest(state.phase);
  if (const auto& trouble = status.update.trouble)
    json["problem"] = Json{{"number", trouble->code.number}, {"name", trouble->code.name}, {"message", trouble->message}};
  if (!status.update.doing.empty()) json["doing"] = status.update.doing;
  Json warnings = Json::array();
  if (!status.update.boot_warning.empty()) warnings.push_back(status.update.boot_warning);
  for (const RefusedSwitch& refused : status.update.refused) warnings.push_back(told(refused).text());
  if (!warnings.empty()) json["warnings"] = std::move(warnings);
  if (status.boot) json["boot"] = boot_json(*status.boot);
  if (status.server) json["server"] = server_json(*status.server);
  if (!status.deferred_until.empty()) json["deferred_until"] = status.deferred_until;
  return Json{{"ok", true}, {"status", std::move(json)}};
}

}  // namespace aloft::agent
