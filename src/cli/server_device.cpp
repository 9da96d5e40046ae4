#include <CLI/CLI.hpp>
#include <iostream>

#include "base/errors.hpp"
#include "base/unix_time.hpp"
#include "cli/server_commands.hpp"
#include "cli/server_session.hpp"
#include "cli/terminal.hpp"
#include "protocol/messages.hpp"

namespace aloft::cli {
namespace {

struct DeviceOptions {
  std::vector<std::string> names;
  std::string status;
  std::string filter;
  std::string note;
  std::uint64_t expires_days = 7;
  std::size_t limit = 1000;
  bool json = false;
};

struct Device {
  std::string name;
  std::string status;
  std::string product;
  std::string hardware;
  std::string version;
  std::string key_sha256;
  std::uint64_t created_ms = 0;
  std::uint64_t last_seen_ms = 0;
  std::optional<std::uint64_t> deployment;
  std::string problem;  // "E6007: ..."; empty: none
};

Result<std::string> parse_problem(JsonObject& device) {
  const Json* problem = TRY(device.optional_object("problem"));
  if (problem == nullptr) return std::string();
  JsonObject object = TRY(JsonObject::of(*problem, "problem"));
  const std::uint64_t error = TRY(object.number("error"));
  return "E" + std::to_string(error) + ": " + TRY(object.text("message"));
}

Result<Device> parse_device(const Json& json) {
  JsonObject object = TRY(JsonObject::of(json, "device"));
  Device device;
  device.name = TRY(object.text("name"));
  device.status = TRY(object.text("status"));
  device.product = TRY(object.text("product"));
  device.hardware = TRY(object.text("hardware"));
  device.version = TRY(object.text("version"));
  device.key_sha256 = TRY(object.text("key_sha256"));
  device.created_ms = TRY(object.number("created_ms"));
  device.last_seen_ms = TRY(object.number("last_seen_ms"));
  device.deployment = TRY(object.optional_number("deployment"));
  device.problem = TRY(parse_problem(object));
  return device;
}

Result<std::string> device_path(const std::string& name) {
  if (!protocol::is_device_name(name)) return fail(kBadArgument, "\"" + name + "\" is no device's name");
  return "/api/v1/devices/" + name;
}

Result<> list(const DeviceOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  std::string query = options.status.empty() ? "" : "?status=" + url_part(options.status);
  if (!options.filter.empty()) query += (query.empty() ? "?q=" : "&q=") + url_part(options.filter);
  const auto all =
      TRY(session.list({.path = "/api/v1/devices" + query, .list = "devices", .next = "next_after", .parameter = "after"}, options.limit));
  if (options.json) {
    print_json(all);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"DEVICE", "STATUS", "PRODUCT", "HARDWARE", "VERSION", "LAST SEEN (UTC)", "DEPLOYMENT"}};
  for (const Json& json : all) {
    const Device device = TRY(parse_device(json));
    rows.push_back({device.name, device.status, device.product, device.hardware, device.version, readable_time(device.last_seen_ms),
                    device.deployment ? std::to_string(*device.deployment) : "-"});
  }
  print_table(rows);
  return {};
}

Result<> show(const DeviceOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.get(TRY(device_path(options.names.front()))));
  if (options.json) {
    print_json(json);
    return {};
  }
  const Device device = TRY(parse_device(json));
  print_table({{"device", device.name},
               {"status", device.status},
               {"product", device.product},
               {"hardware", device.hardware},
               {"version", device.version},
               {"key sha256", device.key_sha256},
               {"known since", readable_time(device.created_ms) + " UTC"},
               {"last seen", readable_time(device.last_seen_ms) + " UTC"},
               {"deployment", device.deployment ? std::to_string(*device.deployment) : "-"},
               {"problem", device.problem.empty() ? "-" : device.problem}});
  return {};
}

// "accept" or "reject": for each device, one after the other.
Result<> decide(const DeviceOptions& options, const std::string& decision) {
  auto session = TRY(ServerSession::open_saved());
  Json answers = Json::array();
  for (const std::string& name : options.names) {
    const Json json = TRY(session.post(TRY(device_path(name)) + "/" + decision, Json::object()));
    const Device device = TRY(parse_device(json));
    if (!options.json) print(device.name + " is " + device.status + " (key " + device.key_sha256 + ")\n");
    answers.push_back(json);
  }
  if (options.json) print_json(answers);
  return {};
}

Result<> create_token(const DeviceOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json =
      TRY(session.post("/api/v1/enrolment-tokens", {{"note", options.note}, {"expires_in_s", options.expires_days * 24 * 3600}}));
  JsonObject object = TRY(JsonObject::of(json, "enrolment token"));
  const std::string token = TRY(object.text("token"));
  if (options.json) {
    print_json(json);
  } else {
    print(token + "\n");
    if (const auto url = TRY(object.optional_text("url"))) std::cerr << "for devices whose server.url is " << printable(*url) << "\n";
  }
  return {};
}

Result<> list_tokens(const DeviceOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.get("/api/v1/enrolment-tokens"));
  if (options.json) {
    print_json(json);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"TOKEN", "NOTE", "STATE", "SINCE OR UNTIL (UTC)", "USED BY"}};
  const std::uint64_t now_ms = unix_ms(SystemClock().now());
  JsonObject answer = TRY(JsonObject::of(json, "answer"));
  for (const Json& element : *TRY(answer.array("enrolment_tokens", 100'000))) {
    JsonObject token = TRY(JsonObject::of(element, "enrolment token"));
    const std::uint64_t expires_ms = TRY(token.number("expires_ms"));
    const auto used_ms = TRY(token.optional_number("used_ms"));
    rows.push_back({std::to_string(TRY(token.number("id"))), TRY(token.text("note")),
                    used_ms                ? "used"
                    : expires_ms <= now_ms ? "expired"
                                           : "open until",
                    readable_time(used_ms.value_or(expires_ms)), TRY(token.optional_text("used_by")).value_or("-")});
  }
  print_table(rows);
  return {};
}

void add_enrol_token_commands(CLI::App& app, Run& run) {
  auto options = std::make_shared<DeviceOptions>();
  CLI::App* group = app.add_subcommand("enrol-token", "One-time tokens that let devices in")->require_subcommand(1);
  CLI::App* create = group->add_subcommand("create", "Make a token for one device and print it; it is shown this once");
  create->add_option("--note", options->note, "What it is for");
  create->add_option("--expires-days", options->expires_days, "How long it can be used")->capture_default_str()->check(CLI::Range(1, 3650));
  create->footer(
      "Give the whole token to the device as its enrolment token file: it also names the certificate that the device is to believe.");
  CLI::App* listing = group->add_subcommand("list", "List tokens, without their secrets");
  for (CLI::App* command : {create, listing}) command->add_flag("--json", options->json, "Print the server's answer as JSON");
  create->callback([&run, options] { run = [options] { return create_token(*options); }; });
  listing->callback([&run, options] { run = [options] { return list_tokens(*options); }; });
}

}  // namespace

void add_device_commands(CLI::App& app, Run& run) {
  auto options = std::make_shared<DeviceOptions>();
  CLI::App* group = app.add_subcommand("device", "Devices that the server knows")->require_subcommand(1);
  CLI::App* list_command = group->add_subcommand("list", "List devices by name");
  list_command->add_option("-q,--filter", options->filter, "Only those that match this filter, see docs/filters.md");
  list_command->add_option("--status", options->status, "Only those")->check(CLI::IsMember({"pending", "accepted", "rejected"}));
  list_command->add_option("--limit", options->limit, "At most so many")->capture_default_str();
  CLI::App* show_command = group->add_subcommand("show", "Show one device");
  show_command->add_option("NAME", options->names, "The device's name")->required()->expected(1);
  CLI::App* accept = group->add_subcommand("accept", "Let devices in; compare their key first: `aloftd status` on the device shows it");
  accept->add_option("NAME", options->names, "Devices' names")->required();
  CLI::App* reject = group->add_subcommand("reject", "Keep devices out; their tokens stop working at once");
  reject->add_option("NAME", options->names, "Devices' names")->required();
  for (CLI::App* command : {list_command, show_command, accept, reject})
    command->add_flag("--json", options->json, "Print the server's answer as JSON");
  list_command->callback([&run, options] { run = [options] { return list(*options); }; });
  show_command->callback([&run, options] { run = [options] { return show(*options); }; });
  accept->callback([&run, options] { run = [options] { return decide(*options, "accept"); }; });
  reject->callback([&run, options] { run = [options] { return decide(*options, "reject"); }; });
  add_enrol_token_commands(app, run);
}

}  // namespace aloft::cli
