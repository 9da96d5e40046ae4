#include <CLI/CLI.hpp>

#include "cli/download_policy.hpp"
#include "cli/download_text.hpp"
#include "cli/server_commands.hpp"
#include "cli/server_release.hpp"
#include "cli/server_session.hpp"
#include "cli/server_watch.hpp"
#include "cli/terminal.hpp"

namespace aloft::cli {
namespace {

struct DeploymentOptions {
  std::uint64_t id = 0;
  ReleaseChoice release;
  std::vector<std::string> devices;
  std::string device;
  bool active = false;
  bool watch = false;
  bool download_only = false;
  bool json = false;
  std::size_t limit = 100;
  std::uint64_t timeout_s = 0;
  DownloadPolicyOptions download;
};

std::string deployment_path(std::uint64_t id) { return "/api/v1/deployments/" + std::to_string(id); }

struct Deployment {
  std::uint64_t id = 0;
  std::string device;
  std::optional<std::uint64_t> release;
  std::string version;
  std::string state;
  std::uint64_t created_ms = 0;
  std::string created_by;
  std::uint64_t changed_ms = 0;
  bool log = false;
};

Result<Deployment> parse_deployment(const Json& json) {
  JsonObject object = TRY(JsonObject::of(json, "deployment"));
  Deployment deployment;
  deployment.id = TRY(object.number("id"));
  deployment.device = TRY(object.text("device"));
  deployment.release = TRY(object.optional_number("release"));
  deployment.version = TRY(object.text("version"));
  deployment.state = TRY(object.text("state"));
  deployment.created_ms = TRY(object.number("created_ms"));
  deployment.created_by = TRY(object.text("created_by"));
  deployment.changed_ms = TRY(object.number("changed_ms"));
  deployment.log = TRY(object.boolean("log"));
  return deployment;
}

Result<> watch(ServerSession& session, std::uint64_t id, const DeploymentOptions& options) {
  return watch_deployment(session, id, {.json = options.json, .timeout = std::chrono::seconds(options.timeout_s)});
}

Result<> deploy(const DeploymentOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const std::uint64_t release = TRY(find_release(session, options.release));
  Json order{{"release", release}, {"devices", options.devices}};
  if (options.download_only) order["policy"]["download_only"] = true;
  if (Json download = download_policy_json(options.download); !download.empty()) order["policy"]["download"] = std::move(download);
  const Json answer = TRY(session.post("/api/v1/deployments", order));
  if (options.json && !options.watch) {
    print_json(answer);
    return {};
  }
  std::vector<Deployment> made;
  JsonObject object = TRY(JsonObject::of(answer, "answer"));
  for (const Json& json : *TRY(object.array("deployments", 1000))) made.push_back(TRY(parse_deployment(json)));
  for (const Deployment& deployment : made)
    if (!options.json)
      print("Deployment " + std::to_string(deployment.id) + ": " + deployment.device + " gets " + deployment.version + "\n");
  if (!options.watch) return {};
  std::optional<Error> worst;
  for (const Deployment& deployment : made)
    if (auto good = watch(session, deployment.id, options); !good) worst = std::move(good).error();
  if (worst) return fail(std::move(*worst));
  return {};
}

Result<> list(const DeploymentOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  std::string path = "/api/v1/deployments";
  if (!options.device.empty()) path += "?device=" + url_part(options.device);
  if (options.active) path += path.contains('?') ? "&active=true" : "?active=true";
  const auto all = TRY(session.list({.path = path, .list = "deployments", .next = "next_before", .parameter = "before"}, options.limit));
  if (options.json) {
    print_json(all);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"DEPLOYMENT", "DEVICE", "VERSION", "CHANGED (UTC)", "STATE"}};
  for (const Json& json : all) {
    const Deployment deployment = TRY(parse_deployment(json));
    rows.push_back({std::to_string(deployment.id), deployment.device, deployment.version, readable_time(deployment.changed_ms),
                    transition_text(json)});
  }
  print_table(rows);
  return {};
}

Result<> show(const DeploymentOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.get(deployment_path(options.id)));
  if (options.json) {
    print_json(json);
    return {};
  }
  const Deployment deployment = TRY(parse_deployment(json));
  print_table({{"deployment", std::to_string(deployment.id)},
               {"device", deployment.device},
               {"version", deployment.version + (deployment.release ? " (release " + std::to_string(*deployment.release) + ")"
                                                                    : " (its release was deleted)")},
               {"made", readable_time(deployment.created_ms) + " UTC by " + deployment.created_by},
               {"state", transition_text(json)},
               {"download", json.contains("download") ? TRY(download_text(json["download"])) : "not told yet"},
               {"log", deployment.log ? "`aloft deployment log " + std::to_string(deployment.id) + "`" : "none"}});
  print("\n");
  std::vector<std::vector<std::string>> rows{{"TIME (UTC)", "FROM", "STATE"}};
  JsonObject object = TRY(JsonObject::of(json, "deployment"));
  for (const Json& element : *TRY(object.array("transitions", 1'000'000))) {
    JsonObject transition = TRY(JsonObject::of(element, "transition"));
    rows.push_back({readable_time(TRY(transition.number("received_ms"))), TRY(transition.text("from")), transition_text(element)});
  }
  print_table(rows);
  return {};
}

Result<> cancel(const DeploymentOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.post(deployment_path(options.id) + "/cancel", Json::object()));
  if (options.json) {
    print_json(json);
  } else {
    print("Deployment " + std::to_string(options.id) + " is " + transition_text(json) + "\n");
  }
  return {};
}

Result<> release(const DeploymentOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.post(deployment_path(options.id) + "/release", Json::object()));
  if (options.json) {
    print_json(json);
  } else {
    print("Deployment " + std::to_string(options.id) + " is released; the device installs it as soon as it hears of it\n");
  }
  return {};
}

Result<> show_log(const DeploymentOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  print(TRY(session.send({}, deployment_path(options.id) + "/log")).body);
  return {};
}

Result<> watch_one(const DeploymentOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  return watch(session, options.id, options);
}

void add_deploy(CLI::App& app, Run& run) {
  auto options = std::make_shared<DeploymentOptions>();
  CLI::App* command = app.add_subcommand("deploy", "Give a release to devices");
  auto* release = command->add_option_group("release", "Which release")->require_option(1);
  release->add_option("--release", options->release.release, "Its number or its version");
  release->add_option("--version", options->release.version, "Its version, also one that looks like a number");
  command->add_option("--product", options->release.product, "With a version that several products have");
  command->add_option("--device", options->devices, "Device's name; may be given several times")->required();
  add_download_policy(*command, options->download);
  command->add_flag("--download-only", options->download_only,
                    "It is written to the slot that does not run, and installed when it is released: aloft deployment release");
  command->add_flag("--watch", options->watch, "Follow each to its end; fail if one is not committed");
  command->add_option("--timeout", options->timeout_s, "With --watch: give up after so many seconds each");
  command->add_flag("--json", options->json, "Print the server's answer as JSON");
  command->callback([&run, options] { run = [options] { return deploy(*options); }; });
}

}  // namespace

void add_deployment_commands(CLI::App& app, Run& run) {
  add_deploy(app, run);
  auto options = std::make_shared<DeploymentOptions>();
  CLI::App* group = app.add_subcommand("deployment", "What was given to devices, and what became of it")->require_subcommand(1);
  CLI::App* list_command = group->add_subcommand("list", "List deployments, newest first");
  list_command->add_option("--device", options->device, "Only those of this device");
  list_command->add_flag("--active", options->active, "Only unfinished ones");
  list_command->add_option("--limit", options->limit, "At most so many")->capture_default_str();
  CLI::App* show_command = group->add_subcommand("show", "Show one with all its transitions");
  CLI::App* cancel_command = group->add_subcommand("cancel", "Withdraw one; the device stops if it still can");
  CLI::App* release_command = group->add_subcommand("release", "Have one installed that was to be downloaded only");
  CLI::App* log_command = group->add_subcommand("log", "Print the log that the device sent");
  CLI::App* watch_command = app.add_subcommand("watch", "Follow a deployment live; the exit status is 0 only if it is committed");
  watch_command->add_option("--timeout", options->timeout_s, "Give up after so many seconds; the deployment goes on");
  for (CLI::App* command : {show_command, cancel_command, release_command, log_command, watch_command})
    command->add_option("DEPLOYMENT", options->id, "Its number")->required();
  for (CLI::App* command : {list_command, show_command, cancel_command, release_command, watch_command})
    command->add_flag("--json", options->json, "Print what the server says as JSON");
  list_command->callback([&run, options] { run = [options] { return list(*options); }; });
  show_command->callback([&run, options] { run = [options] { return show(*options); }; });
  cancel_command->callback([&run, options] { run = [options] { return cancel(*options); }; });
  release_command->callback([&run, options] { run = [options] { return release(*options); }; });
  log_command->callback([&run, options] { run = [options] { return show_log(*options); }; });
  watch_command->callback([&run, options] { run = [options] { return watch_one(*options); }; });
}

}  // namespace aloft::cli
