#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/server_commands.hpp"
#include "cli/server_release.hpp"
#include "cli/server_session.hpp"
#include "cli/terminal.hpp"

namespace aloft::cli {
namespace {

struct HealthOptions {
  std::string device;
  ReleaseChoice release;
  std::uint64_t rollout = 0;
  bool json = false;
};

std::string number_text(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", found->get<double>());
  return text;
}

std::string hours_text(std::uint64_t seconds) { return std::to_string(seconds / 3600) + " h"; }

Result<std::string> reboots_text(const Json& reboots) {
  std::string text;
  for (const auto& [reason, count] : reboots.items())
    if (count.is_number_unsigned() && count.get<std::uint64_t>() != 0) text += (text.empty() ? "" : ", ") + count.dump() + " " + reason;
  return text.empty() ? "none" : text;
}

Result<> of_device(const HealthOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.get("/api/v1/devices/" + url_part(options.device) + "/health"));
  if (options.json) {
    print_json(json);
    return {};
  }
  JsonObject health = TRY(JsonObject::of(json, "health"));
  print("last start: " + TRY(health.optional_text("last_boot")).value_or("not told") + "\n");
  for (const Json& element : *TRY(health.array("versions", 1000))) {
    JsonObject version = TRY(JsonObject::of(element, "version"));
    print("\n" + TRY(version.text("version")) + ": up " + hours_text(TRY(version.number("uptime_s"))) +
          ", reboots: " + TRY(reboots_text(*TRY(version.object("reboots")))) + "\n");
    std::vector<std::vector<std::string>> rows{{"METRIC", "MEAN", "LAST", "VALUES"}};
    for (const auto& [name, metric] : TRY(version.object("metrics"))->items())
      rows.push_back({name, number_text(metric, "mean"), number_text(metric, "last"), number_text(metric, "count")});
    if (rows.size() > 1) print_table(rows);
  }
  return {};
}

Result<> print_comparison(const Json& json, bool as_json) {
  if (as_json) {
    print_json(json);
    return {};
  }
  JsonObject health = TRY(JsonObject::of(json, "health"));
  JsonObject step = TRY(JsonObject::of(*TRY(health.object("step")), "step"));
  const std::uint64_t devices = TRY(health.number("device_count"));
  print(device_count_text(devices) + (devices == 1 ? " has" : " have") + " told of " + TRY(health.text("version")) + ", up " +
        hours_text(TRY(health.number("uptime_s"))) + "; reboots: " + TRY(reboots_text(*TRY(health.object("reboots")))) + "\n");
  for (const Json& element : *TRY(step.array("from", 100'000))) {
    JsonObject from = TRY(JsonObject::of(element, "version"));
    print("  " + std::to_string(TRY(from.number("device_count"))) + " of them ran " + TRY(from.text("version")) + " before\n");
  }
  std::vector<std::vector<std::string>> rows{{"MEASURE", "DEVICES", "VALUE", "COMPARED", "BEFORE", "NOW"}};
  for (const Json& element : *TRY(health.array("measures", 10'000))) {
    JsonObject measure = TRY(JsonObject::of(element, "measure"));
    const Json* compared = TRY(measure.optional_object("step"));
    const Json nothing = Json::object();
    const Json& both = compared == nullptr ? nothing : *compared;
    rows.push_back({TRY(measure.text("name")), std::to_string(TRY(measure.number("device_count"))), number_text(element, "value"),
                    number_text(both, "device_count"), number_text(both, "before"), number_text(both, "value")});
  }
  print("\n");
  print_table(rows);
  return {};
}

Result<> of_release(const HealthOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const std::uint64_t id = TRY(find_release(session, options.release));
  return print_comparison(TRY(session.get("/api/v1/releases/" + std::to_string(id) + "/health")), options.json);
}

Result<> of_rollout(const HealthOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  return print_comparison(TRY(session.get("/api/v1/rollouts/" + std::to_string(options.rollout) + "/health")), options.json);
}

}  // namespace

void add_health_commands(CLI::App& app, Run& run) {
  auto options = std::make_shared<HealthOptions>();
  CLI::App* group = app.add_subcommand("health", "How devices do: reboots and metrics, beside the version before")->require_subcommand(1);
  CLI::App* device = group->add_subcommand("device", "One device, by the versions that it has run");
  device->add_option("NAME", options->device, "The device's name")->required();
  CLI::App* release = group->add_subcommand("release", "All devices with a release, and the same devices before");
  release->add_option("RELEASE", options->release.release, "Its number or its version")->required();
  release->add_option("--product", options->release.product, "With a version that several products have");
  CLI::App* rollout = group->add_subcommand("rollout", "The devices that have committed in a rollout");
  rollout->add_option("ROLLOUT", options->rollout, "Its number")->required();
  for (CLI::App* command : {device, release, rollout}) command->add_flag("--json", options->json, "Print the server's answer as JSON");
  device->callback([&run, options] { run = [options] { return of_device(*options); }; });
  release->callback([&run, options] { run = [options] { return of_release(*options); }; });
  rollout->callback([&run, options] { run = [options] { return of_rollout(*options); }; });
}

}  // namespace aloft::cli
