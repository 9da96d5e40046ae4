#include <CLI/CLI.hpp>

#include "base/errors.hpp"
#include "cli/server_commands.hpp"
#include "cli/server_session.hpp"
#include "cli/terminal.hpp"

namespace aloft::cli {
namespace {

struct UserOptions {
  std::string name;
  std::vector<std::string> roles;
  bool password_stdin = false;
  bool json = false;
  std::size_t limit = 50;
};

std::string user_path(const std::string& name) { return "/api/v1/users/" + url_part(name); }

Result<std::string> new_password(const UserOptions& options) {
  if (options.password_stdin) return read_line();
  std::string password = TRY(ask_password("password of " + options.name + ": "));
  if (password != TRY(ask_password("once more: "))) return fail(kBadArgument, "the two passwords differ; nothing was changed");
  return password;
}

Result<std::string> roles_text(JsonObject& user) {
  std::string text;
  for (const Json& role : *TRY(user.array("roles", 16)))
    text += (text.empty() ? "" : ", ") + (role.is_string() ? role.get<std::string>() : "?");
  return text;
}

Result<> list(const UserOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.get("/api/v1/users"));
  if (options.json) {
    print_json(json);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"USER", "ROLES", "SINCE (UTC)"}};
  JsonObject answer = TRY(JsonObject::of(json, "answer"));
  for (const Json& element : *TRY(answer.array("users", 100'000))) {
    JsonObject user = TRY(JsonObject::of(element, "user"));
    rows.push_back({TRY(user.text("name")), TRY(roles_text(user)), readable_time(TRY(user.number("created_ms")))});
  }
  print_table(rows);
  return {};
}

Result<> create(const UserOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json =
      TRY(session.post("/api/v1/users", {{"name", options.name}, {"password", TRY(new_password(options))}, {"roles", options.roles}}));
  if (options.json) print_json(json);
  return {};
}

Result<> set_roles(const UserOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.put(user_path(options.name), {{"roles", options.roles}}));
  if (options.json) print_json(json);
  return {};
}

Result<> set_password(const UserOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.put(user_path(options.name), {{"password", TRY(new_password(options))}}));
  if (options.json) print_json(json);
  return {};
}

Result<> remove(const UserOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  return session.remove(user_path(options.name));
}

Result<> show_audit(const UserOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const std::string query = options.name.empty() ? "" : "?user=" + url_part(options.name);
  const auto all =
      TRY(session.list({.path = "/api/v1/audit" + query, .list = "entries", .next = "next_before", .parameter = "before"}, options.limit));
  if (options.json) {
    print_json(all);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"TIME (UTC)", "USER", "FROM", "ANSWER", "CHANGE"}};
  for (const Json& json : all) {
    JsonObject entry = TRY(JsonObject::of(json, "entry"));
    const auto status = TRY(entry.optional_number("status"));
    rows.push_back({readable_time(TRY(entry.number("time_ms"))), TRY(entry.text("user")), TRY(entry.text("peer")),
                    status ? std::to_string(*status) : "-",
                    TRY(entry.text("method")) + " " + TRY(entry.text("path")) + " " + TRY(entry.text("detail"))});
  }
  print_table(rows);
  return {};
}

}  // namespace

void add_user_commands(CLI::App& app, Run& run) {
  auto options = std::make_shared<UserOptions>();
  CLI::App* users = app.add_subcommand("user", "Who may use the server, for administrators")->require_subcommand(1);
  CLI::App* list_command = users->add_subcommand("list", "List users and their roles");
  CLI::App* create_command = users->add_subcommand("create", "Make a user");
  CLI::App* roles_command = users->add_subcommand("roles", "Set a user's roles");
  CLI::App* password_command = users->add_subcommand("password", "Set a user's password, which ends the user's sessions");
  CLI::App* delete_command = users->add_subcommand("delete", "Delete a user with all sessions and API tokens");
  for (CLI::App* command : {create_command, roles_command, password_command, delete_command})
    command->add_option("USER", options->name, "The user's name")->required();
  for (CLI::App* command : {create_command, roles_command})
    command->add_option("--role", options->roles, "viewer, operator, releaser, approver or admin; may be given several times")->required();
  for (CLI::App* command : {create_command, password_command})
    command->add_flag("--password-stdin", options->password_stdin, "Read the password from standard input");
  for (CLI::App* command : {list_command, create_command, roles_command, password_command})
    command->add_flag("--json", options->json, "Print the server's answer as JSON");
  CLI::App* audit_command = app.add_subcommand("audit", "Who changed what, newest first, for administrators");
  audit_command->add_option("--user", options->name, "Only what this user did");
  audit_command->add_option("--limit", options->limit, "At most so many")->capture_default_str();
  audit_command->add_flag("--json", options->json, "Print what the server says as JSON");
  list_command->callback([&run, options] { run = [options] { return list(*options); }; });
  create_command->callback([&run, options] { run = [options] { return create(*options); }; });
  roles_command->callback([&run, options] { run = [options] { return set_roles(*options); }; });
  password_command->callback([&run, options] { run = [options] { return set_password(*options); }; });
  delete_command->callback([&run, options] { run = [options] { return remove(*options); }; });
  audit_command->callback([&run, options] { run = [options] { return show_audit(*options); }; });
}

}  // namespace aloft::cli
