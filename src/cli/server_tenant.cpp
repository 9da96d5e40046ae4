#include <CLI/CLI.hpp>

#include "base/errors.hpp"
#include "base/sizes.hpp"
#include "cli/server_commands.hpp"
#include "cli/server_session.hpp"
#include "cli/terminal.hpp"

namespace aloft::cli {
namespace {

constexpr const char* kQuotaHelp = "NAME=NUMBER, as devices=500 or artifact_bytes=20G; NAME=none takes it away";

struct TenantOptions {
  std::string name;
  std::string host;
  std::vector<std::string> quotas;  // "devices=500"
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
  wish["limits"] = TRY(parse_sizes(options.quotas));
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

Result<> show_quotas(const Json& answer) {
  JsonObject object = TRY(JsonObject::of(answer, "answer"));
  std::vector<std::vector<std::string>> rows{{"QUOTA", "USED", "ALLOWED", "REFUSED"}};
  const auto number = [](const std::optional<std::uint64_t>& value) { return value ? std::to_string(*value) : "-"; };
  for (const Json& element : *TRY(object.array("quotas", 100))) {
    JsonObject quota = TRY(JsonObject::of(element, "quota"));
    rows.push_back({TRY(quota.text("quota")), number(TRY(quota.optional_number("used"))), number(TRY(quota.optional_number("limit"))),
                    number(TRY(quota.optional_number("refused")))});
  }
  print_table(rows);
  return {};
}

// Of a tenant that is not served only the limits are known.
Result<> show_limits(const Json& answer) {
  if (answer.contains("quotas")) return show_quotas(answer);
  JsonObject tenant = TRY(JsonObject::of(answer, "tenant"));
  for (const auto& [name, limit] : TRY(tenant.object("limits"))->items()) print(name + "=" + limit.dump() + "\n");
  return {};
}

Result<> set_quotas(const TenantOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json answer = options.quotas.empty() ? TRY(session.get(path_of(options)))
                                             : TRY(session.put(path_of(options), {{"limits", TRY(parse_sizes(options.quotas))}}));
  if (!options.json) return show_limits(answer);
  print_json(answer);
  return {};
}

Result<> own_quotas(const TenantOptions& options) {
  auto session = TRY(ServerSession::open_saved());
  const Json answer = TRY(session.get("/api/v1/quotas"));
  if (!options.json) return show_quotas(answer);
  print_json(answer);
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
  const auto within = [&](CLI::App* parent, const char* name, const char* help, std::function<Result<>(const TenantOptions&)> action) {
    CLI::App* sub = parent->add_subcommand(name, help);
    sub->add_flag("--json", options->json, "Print the server's answer");
    sub->callback([&run, options, action = std::move(action)] { run = [options, action] { return action(*options); }; });
    return sub;
  };
  const auto command = [&](const char* name, const char* help, std::function<Result<>(const TenantOptions&)> action) {
    return within(group, name, help, std::move(action));
  };
  const auto named = [&](CLI::App* sub) {
    sub->add_option("NAME", options->name, "The tenant's name")->required();
    return sub;
  };
  command("list", "Show all", list);
  CLI::App* const made = named(command("add", "Make one, and print the link for its first administrator", add));
  made->add_option("--host", options->host, "A host name of its own besides NAME.DOMAIN");
  made->add_option("--quota", options->quotas, kQuotaHelp);
  named(command("quota", "Show what it has and may have, or set what it may have at most", set_quotas))
      ->add_option("QUOTA", options->quotas, kQuotaHelp);
  within(&app, "quota", "What this site has, and may have at most: docs/tenants.md", own_quotas);
  named(command("link", "Print another link for its first administrator", link));
  named(command("suspend", "Serve it to nobody; everything is kept", [](const TenantOptions& o) { return suspend(o, true); }));
  named(command("resume", "Serve it again", [](const TenantOptions& o) { return suspend(o, false); }));
  named(command("remove", "Delete it with all that it has", remove))->add_flag("--yes", options->yes, "Really");
}

}  // namespace aloft::cli
