#include <CLI/CLI.hpp>

#include "base/errors.hpp"
#include "cli/server_commands.hpp"
#include "cli/server_session.hpp"
#include "cli/terminal.hpp"

namespace aloft::cli {
namespace {

struct TenantOptions {
  std::string name;
  std::string host;
  bool yes = false;
  bool json = false;
};

std::string path_of(const TenantOptions& options) { return "/api/v1/tenants/" + url_part(options.name); }

Result<std::string> devices_of(JsonObject& tenant) {
  const Json* const devices = TRY(tenant.optional_object("devices"));
  if (devices == nullptr) return std::string("-");
  JsonObject counts = TRY(JsonObject::of(*devices, "devices"));
  return std::to_string(TRY(counts.number("accepted")));
}

Result<> list(const TenantOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.get("/api/v1/tenants"));
  if (options.json) {
    print_json(json);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"TENANT", "STATE", "DEVICES", "ADDRESS", "SINCE (UTC)"}};
  JsonObject answer = TRY(JsonObject::of(json, "answer"));
  for (const Json& element : *TRY(answer.array("tenants", 100'000))) {
    JsonObject tenant = TRY(JsonObject::of(element, "tenant"));
    rows.push_back({TRY(tenant.text("name")), TRY(tenant.text("state")), TRY(devices_of(tenant)), TRY(tenant.text("url")),
                    readable_time(TRY(tenant.number("created_ms")))});
  }
  print_table(rows);
  return {};
}

Result<> show_link(const TenantOptions& options, const Json& json) {
  if (options.json) {
    print_json(json);
    return {};
  }
  JsonObject tenant = TRY(JsonObject::of(json, "tenant"));
  print("first start: open " + TRY(tenant.text("setup_url")) + "\n");
  print("         or: aloft login " + TRY(tenant.text("url")) + " --setup " + TRY(tenant.text("setup_token")) + "\n");
  return {};
}

Result<> add(const TenantOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  Json wish{{"name", options.name}};
  if (!options.host.empty()) wish["host"] = options.host;
  return show_link(options, TRY(session.post("/api/v1/tenants", wish)));
}

Result<> link(const TenantOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  return show_link(options, TRY(session.post(path_of(options) + "/setup-link", Json::object())));
}

Result<> suspend(const TenantOptions& options, bool suspended) {
  auto session = TRY(ServerSession::open_saved());
  const Json json = TRY(session.put(path_of(options), {{"suspended", suspended}}));
  if (options.json) print_json(json);
  return {};
}

Result<> remove(const TenantOptions& options) {
  if (!options.yes)
    return fail(kBadArgument, "this deletes tenant " + options.name + " with its devices, releases and users, for good: say so with --yes");
  auto session = TRY(ServerSession::open_saved());
  return session.remove(path_of(options));
}

}  // namespace

void add_tenant_commands(CLI::App& app, Run& run) {
  const auto options = std::make_shared<TenantOptions>();
  CLI::App* group = app.add_subcommand("tenant", "Tenants of a service, for the administrators of its own site: docs/tenants.md");
  group->require_subcommand(1);
  const auto command = [&](const char* name, const char* help, std::function<Result<>(const TenantOptions&)> action) {
    CLI::App* sub = group->add_subcommand(name, help);
    sub->add_flag("--json", options->json, "Print the server's answer");
    sub->callback([&run, options, action = std::move(action)] { run = [options, action] { return action(*options); }; });
    return sub;
  };
  const auto named = [&](CLI::App* sub) {
    sub->add_option("NAME", options->name, "The tenant's name")->required();
    return sub;
  };
  command("list", "Show all", list);
  named(command("add", "Make one, and print the link for its first administrator", add))
      ->add_option("--host", options->host, "A host name of its own besides NAME.DOMAIN");
  named(command("link", "Print another link for its first administrator", link));
  named(command("suspend", "Serve it to nobody; everything is kept", [](const TenantOptions& o) { return suspend(o, true); }));
  named(command("resume", "Serve it again", [](const TenantOptions& o) { return suspend(o, false); }));
  named(command("remove", "Delete it with all that it has", remove))->add_flag("--yes", options->yes, "Really");
}

}  // namespace aloft::cli
