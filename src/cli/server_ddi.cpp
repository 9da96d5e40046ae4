// Devices that speak hawkBit's protocol, and the tokens they show.
#include <CLI/CLI.hpp>

#include "base/errors.hpp"
#include "base/file.hpp"
#include "cli/server_commands.hpp"
#include "cli/server_session.hpp"
#include "cli/terminal.hpp"

namespace aloft::cli {
namespace {

constexpr const char* kGateways = "/api/v1/ddi/gateways";
constexpr const char* kAuthorities = "/api/v1/ddi/authorities";
constexpr const char* kDevices = "/api/v1/ddi/devices";
constexpr const char* kSettings = "/api/v1/ddi/settings";
constexpr std::uint64_t kMaxAuthoritiesBytes = 1U << 20;

struct DdiOptions {
  std::string name;
  std::string product;
  std::string hardware;
  std::string note;
  std::string file;
  std::uint64_t id = 0;
  std::uint64_t seconds = 0;  // 0: not given
  bool token_from_stdin = false;
  bool json = false;
};

// What stands behind a token that was made: the token alone, for scripts.
Result<> print_token(const DdiOptions& options, const Json& json) {
  if (options.json) {
    print_json(json);
    return {};
  }
  JsonObject made = TRY(JsonObject::of(json, "answer"));
  print(TRY(made.text("token")) + "\n");
  return {};
}

Result<Json> with_token(const DdiOptions& options, Json body) {
  if (options.token_from_stdin) body["token"] = TRY(read_line());
  return body;
}

Result<> add(const DdiOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json body = TRY(with_token(options, {{"name", options.name}, {"product", options.product}, {"hardware", options.hardware}}));
  return print_token(options, TRY(session.post(kDevices, body)));
}

Result<> new_token(const DdiOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json body = TRY(with_token(options, Json::object()));
  return print_token(options, TRY(session.post(std::string(kDevices) + "/" + url_part(options.name) + "/token", body)));
}

Result<> ask(const DdiOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  TRY(session.order(std::string(kDevices) + "/" + url_part(options.name) + "/attributes", Json::object()));
  print("Device " + options.name + " is asked for its attributes from its next poll on.\n");
  return {};
}

Result<> add_gateway(const DdiOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json body = TRY(with_token(options, {{"note", options.note}, {"product", options.product}, {"hardware", options.hardware}}));
  return print_token(options, TRY(session.post(kGateways, body)));
}

Result<> list_gateways(const DdiOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.get(kGateways));
  if (options.json) {
    print_json(json);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"GATEWAY", "PRODUCT", "HARDWARE", "NOTE", "MADE (UTC)", "BY"}};
  JsonObject answer = TRY(JsonObject::of(json, "answer"));
  for (const Json& element : *TRY(answer.array("gateways", 100'000))) {
    JsonObject gateway = TRY(JsonObject::of(element, "gateway"));
    rows.push_back({std::to_string(TRY(gateway.number("id"))), TRY(gateway.text("product")), TRY(gateway.text("hardware")),
                    TRY(gateway.text("note")), readable_time(TRY(gateway.number("created_ms"))), TRY(gateway.text("created_by"))});
  }
  print_table(rows);
  return {};
}

Result<> remove_gateway(const DdiOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  TRY(session.remove(std::string(kGateways) + "/" + std::to_string(options.id)));
  print("Gateway " + std::to_string(options.id) + " no longer opens anything; the devices that it brought stay.\n");
  return {};
}

Result<> print_authorities(const DdiOptions& options, const Json& json) {
  if (options.json) {
    print_json(json);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"AUTHORITY", "GOOD UNTIL (UTC)", "SHA-256", "BY"}};
  JsonObject answer = TRY(JsonObject::of(json, "answer"));
  for (const Json& element : *TRY(answer.array("authorities", 100'000))) {
    JsonObject authority = TRY(JsonObject::of(element, "authority"));
    rows.push_back({TRY(authority.text("subject")), readable_time(TRY(authority.number("not_after_ms"))), TRY(authority.text("sha256")),
                    TRY(authority.boolean("by_option")) ? "--client-ca" : ""});
  }
  print_table(rows);
  for (const Json& element : *TRY(answer.array("revocation_lists", 100'000))) {
    JsonObject list = TRY(JsonObject::of(element, "revocation list"));
    const auto next = TRY(list.optional_number("next_update_ms"));
    print("Revocation list of " + TRY(list.text("issuer")) + (next ? ", good until " + readable_time(*next) + " (UTC)" : "") + ".\n");
  }
  return {};
}

Result<> set_authorities(const DdiOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const std::string pem = TRY(read_file(options.file, kMaxAuthoritiesBytes));
  if (pem.contains("PRIVATE KEY-----"))
    return fail(kBadArgument, options.file + " has a private key in it, which is no server's business; give the certificates alone");
  return print_authorities(options, TRY(session.put(kAuthorities, Json{{"pem", pem}})));
}

Result<> list_authorities(const DdiOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  return print_authorities(options, TRY(session.get(kAuthorities)));
}

Result<> remove_authorities(const DdiOptions&) {
  auto session = TRY(ServerSession::open_saved());
  TRY(session.remove(kAuthorities));
  print("Certificates no longer show who a device is.\n");
  return {};
}

Result<> poll(const DdiOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const bool looks = options.seconds == 0;
  const Json json = TRY(looks ? session.get(kSettings) : session.put(kSettings, Json{{"poll_s", options.seconds}}));
  if (options.json) {
    print_json(json);
    return {};
  }
  JsonObject settings = TRY(JsonObject::of(json, "settings"));
  const bool by_default = TRY(settings.boolean("by_default"));
  print("These devices poll every " + std::to_string(TRY(settings.number("poll_s"))) + " s, " +
        (!looks       ? "each from its next poll on.\n"
         : by_default ? "as servers do that nobody has told otherwise; aloft ddi poll SECONDS changes it.\n"
                      : "as somebody has set it for this site.\n"));
  return {};
}

using Action = Result<> (*)(const DdiOptions&);
void on(CLI::App* command, Run& run, const std::shared_ptr<DdiOptions>& options, Action action) {
  command->callback([&run, options, action] { run = [options, action] { return action(*options); }; });
}

void add_gateway_commands(CLI::App* group, Run& run, const std::shared_ptr<DdiOptions>& options) {
  CLI::App* gateway = group->add_subcommand("gateway", "Tokens that act for any of these devices")->require_subcommand(1);
  CLI::App* add_command = gateway->add_subcommand("add", "Make one and print it; it is shown this once");
  add_command->add_option("--note", options->note, "What it is for");
  CLI::App* list_command = gateway->add_subcommand("list", "List them, without their secrets");
  CLI::App* remove_command = gateway->add_subcommand("remove", "End one at once");
  remove_command->add_option("GATEWAY", options->id, "Its number, as listed")->required();
  add_command->add_option("--product", options->product, "Of the devices that it brings")->required();
  add_command->add_option("--hardware", options->hardware, "Of the devices that it brings")->required();
  for (CLI::App* command : {add_command, list_command}) command->add_flag("--json", options->json, "Print the server's answer as JSON");
  add_command->add_flag("--token-stdin", options->token_from_stdin, "Read the token from standard input instead of making one");
  on(add_command, run, options, add_gateway);
  on(list_command, run, options, list_gateways);
  on(remove_command, run, options, remove_gateway);
}

void add_authority_commands(CLI::App* group, Run& run, const std::shared_ptr<DdiOptions>& options) {
  CLI::App* authority = group->add_subcommand("authority", "Whose certificates show which device it is")->require_subcommand(1);
  CLI::App* set_command = authority->add_subcommand("set", "Take these, in place of all that were set before");
  set_command->add_option("FILE", options->file, "PEM: the authorities' certificates, and revocation lists of theirs")
      ->required()
      ->check(CLI::ExistingFile);
  CLI::App* list_command = authority->add_subcommand("list", "List them, and until when they are good");
  CLI::App* remove_command = authority->add_subcommand("remove", "Take away all that were set");
  for (CLI::App* command : {set_command, list_command}) command->add_flag("--json", options->json, "Print the server's answer as JSON");
  on(set_command, run, options, set_authorities);
  on(list_command, run, options, list_authorities);
  on(remove_command, run, options, remove_authorities);
}

}  // namespace

void add_ddi_commands(CLI::App& app, Run& run) {
  auto options = std::make_shared<DdiOptions>();
  CLI::App* group = app.add_subcommand("ddi", "Devices that speak hawkBit's protocol: see docs/ddi.md")->require_subcommand(1);
  CLI::App* add_command = group->add_subcommand(
      "add", "Register a device and print its token, shown this once; one that is known gets another, and its old one ends");
  CLI::App* token_command = group->add_subcommand("token", "Give a device another token and print it; the old one ends at once");
  CLI::App* ask_command = group->add_subcommand("ask", "Ask a device for its attributes again");
  for (CLI::App* command : {add_command, token_command, ask_command})
    command->add_option("NAME", options->name, "The device's, as its client has it")->required();
  add_command->add_option("--product", options->product, "What it is sold as")->required();
  add_command->add_option("--hardware", options->hardware, "Its revision")->required();
  for (CLI::App* command : {add_command, token_command}) {
    command->add_flag("--token-stdin", options->token_from_stdin, "Read the token from standard input instead of making one");
    command->add_flag("--json", options->json, "Print the server's answer as JSON");
  }
  CLI::App* poll_command = group->add_subcommand("poll", "Show or set how often these devices poll");
  poll_command->add_option("SECONDS", options->seconds, "From now on; without it, what holds is shown, and where it comes from")
      ->check(CLI::Range(1, 86'399));
  poll_command->add_flag("--json", options->json, "Print the server's answer as JSON");
  add_gateway_commands(group, run, options);
  add_authority_commands(group, run, options);
  on(add_command, run, options, add);
  on(token_command, run, options, new_token);
  on(ask_command, run, options, ask);
  on(poll_command, run, options, poll);
}

}  // namespace aloft::cli
