// API tokens: what CI and scripts log in with.
#include <CLI/CLI.hpp>

#include "cli/server_commands.hpp"
#include "cli/server_session.hpp"
#include "cli/terminal.hpp"

namespace aloft::cli {
namespace {

constexpr const char* kTokensPath = "/api/v1/tokens";

struct TokenOptions {
  std::string note;
  std::uint64_t expires_days = 0;  // 0: never
  std::uint64_t id = 0;
  bool json = false;
};

Result<> create(const TokenOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  Json body{{"note", options.note}};
  if (options.expires_days != 0) body["expires_in_s"] = options.expires_days * 24 * 3600;
  const Json json = TRY(session.post(kTokensPath, body));
  JsonObject token = TRY(JsonObject::of(json, "token"));
  const std::string secret = TRY(token.text("token"));
  if (options.json) {
    print_json(json);
  } else {
    print(secret + "\n");
  }
  return {};
}

Result<> list(const TokenOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.get(kTokensPath));
  if (options.json) {
    print_json(json);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"TOKEN", "KIND", "NOTE", "ADDRESS", "MADE (UTC)", "USED (UTC)", "EXPIRES (UTC)"}};
  JsonObject answer = TRY(JsonObject::of(json, "answer"));
  for (const Json& element : *TRY(answer.array("tokens", 100'000))) {
    JsonObject token = TRY(JsonObject::of(element, "token"));
    const auto expires_ms = TRY(token.optional_number("expires_ms"));
    const auto used_ms = TRY(token.optional_number("used_ms"));
    const bool current = TRY(token.optional_boolean("current")).value_or(false);
    const std::string kind = TRY(token.text("kind"));
    rows.push_back({std::to_string(TRY(token.number("id"))), kind + (current ? ", this one" : ""),
                    TRY(token.optional_text(kind == "session" ? "client" : "note")).value_or(""),
                    TRY(token.optional_text("address")).value_or(""), readable_time(TRY(token.number("created_ms"))),
                    used_ms ? readable_time(*used_ms) : "never", expires_ms ? readable_time(*expires_ms) : "never"});
  }
  print_table(rows);
  return {};
}

Result<> revoke(const TokenOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  TRY(session.remove(std::string(kTokensPath) + "/" + std::to_string(options.id)));
  print("Token " + std::to_string(options.id) + " no longer opens anything.\n");
  return {};
}

}  // namespace

void add_token_commands(CLI::App& app, Run& run) {
  auto options = std::make_shared<TokenOptions>();
  CLI::App* group = app.add_subcommand("token", "API tokens, for CI and scripts")->require_subcommand(1);
  CLI::App* create_command = group->add_subcommand("create", "Make a token and print it; it is shown this once");
  create_command->add_option("--note", options->note, "What it is for")->required();
  create_command->add_option("--expires-days", options->expires_days, "How long it can be used; without it, until it is revoked")
      ->check(CLI::Range(1, 3650));
  create_command->footer("Give it to a script as ALOFT_TOKEN, beside ALOFT_SERVER: see docs/cli.md.");
  CLI::App* list_command = group->add_subcommand("list", "List your tokens and sessions, without their secrets");
  for (CLI::App* command : {create_command, list_command}) command->add_flag("--json", options->json, "Print the server's answer as JSON");
  CLI::App* revoke_command = group->add_subcommand("revoke", "End a token at once");
  revoke_command->add_option("TOKEN", options->id, "Its number, as listed")->required();
  create_command->callback([&run, options] { run = [options] { return create(*options); }; });
  list_command->callback([&run, options] { run = [options] { return list(*options); }; });
  revoke_command->callback([&run, options] { run = [options] { return revoke(*options); }; });
}

}  // namespace aloft::cli
