#include "server/tenant_command.hpp"

#include <CLI/CLI.hpp>
#include <iostream>
#include <thread>

#include "base/errors.hpp"
#include "base/sizes.hpp"
#include "oidc/settings.hpp"
#include "server/identity.hpp"
#include "server/sign_on_api.hpp"
#include "server/tenant_folder.hpp"

namespace aloft::server {
namespace {

using What = TenantCommand::What;

constexpr const char* kQuotaHelp = "NAME=NUMBER, as devices=500 or artifact_bytes=20G; NAME=none takes it away";
constexpr std::chrono::milliseconds kServerFollows{3000};  // it looks once a second, and then completes what has begun

void print_link(const Reach& reach, const Tenant& tenant, const std::string& secret) {
  const std::string url = reach.url_of(tenant);
  const std::string token = reach.setup_token(secret);
  std::cout << "tenant " << tenant.name << ": " << url << "\n"
            << "first start: open " << url << "/setup#" << token << "\n"
            << "         or: aloft login " << url << " --setup " << token << "\n";
}

Result<> list(const TenantFolder& folder, bool as_json) {
  const std::vector<Tenant> tenants = TRY(folder.list());
  const Reach reach = tenants.empty() ? Reach{} : TRY(folder.reach());
  Json all = Json::array();
  for (const Tenant& tenant : tenants) {
    const char* state = tenant.suspended ? "suspended" : "served";
    all.push_back({{"name", tenant.name},
                   {"url", reach.url_of(tenant)},
                   {"state", state},
                   {"created_ms", tenant.created_ms},
                   {"limits", to_json(tenant.limits)}});
    if (!as_json) std::cout << tenant.name << "  " << state << "  " << reach.url_of(tenant) << "\n";
  }
  if (as_json) std::cout << Json{{"tenants", all}}.dump(2) << "\n";
  return {};
}

Result<> remove(const TenantFolder& folder, const std::filesystem::path& data, const TenantCommand& command, Random& random) {
  TRY(folder.find(command.name));
  if (!command.yes)
    return fail(kBadArgument, "this deletes tenant " + command.name + " with its devices, releases and users, for good: say so with --yes");
  if (!claim_data_folder(data)) {  // a server is at work: what its users and devices have under way is answered first
    TRY(folder.set_suspended(command.name, true));
    std::this_thread::sleep_for(kServerFollows);
  }
  return folder.remove(command.name, random);
}

Result<> set_quotas(const TenantFolder& folder, const TenantCommand& command, const Json& change) {
  const Json limits = to_json(TRY(folder.change_limits(command.name, change)));
  for (const auto& [name, limit] : limits.items()) std::cout << name << "=" << limit << "\n";
  return {};
}

Result<> set_sign_on(const TenantFolder& folder, const TenantCommand& command) {
  const Tenant tenant = TRY(folder.find(command.name));
  if (command.folder == "none") return folder.set_sign_on(command.name, {});
  TRY(oidc::load_settings(command.folder));
  TRY(folder.set_sign_on(command.name, command.folder));
  std::cout << "register at the provider: " << callback_address(TRY(folder.reach()).url_of(tenant)) << "\n";
  return {};
}

void print_report(const char* done, const fleet::BackupReport& report) {
  std::cout << done << ": the database and " << report.blobs << " artifacts, " << report.bytes << " bytes\n";
}

}  // namespace

void add_tenant_command(CLI::App& app, TenantCommand& command) {
  CLI::App* tenant = app.add_subcommand("tenant", "The tenants of this server: docs/tenants.md");
  tenant->require_subcommand(1)->fallthrough();
  const auto add = [&](const char* name, What what, const char* help) {
    CLI::App* sub = tenant->add_subcommand(name, help);
    sub->fallthrough();
    sub->callback([&command, what] { command.what = what; });
    if (what != What::list) sub->add_option("NAME", command.name, "The tenant's name")->required();
    return sub;
  };
  CLI::App* made = add("add", What::add, "Make one, and print the link for its first administrator");
  made->add_option("--host", command.host, "A host name of its own besides NAME.DOMAIN");
  made->add_option("--quota", command.quotas, kQuotaHelp);
  add("list", What::list, "Show all")->add_flag("--json", command.json, "As JSON");
  add("suspend", What::suspend, "Serve it to nobody; everything is kept");
  add("resume", What::resume, "Serve it again");
  add("link", What::link, "Print another link for its first administrator");
  add("remove", What::remove, "Delete it with all that it has")->add_flag("--yes", command.yes, "Really");
  add("sso", What::sign_on, "Let its people sign in at an identity provider: docs/single-sign-on.md")
      ->add_option("FILE", command.folder, "TOML file as for --sso, which is copied; \"none\" takes it away")
      ->required();
  CLI::App* backup = add("backup", What::back_up, "Copy it, also while the server runs");
  backup->add_option("FOLDER", command.folder, "An empty folder, or one that is not there yet")->required();
  CLI::App* restored = add("restore", What::restore, "Make a tenant from a backup");
  restored->add_option("FOLDER", command.folder, "The backup")->required();
  restored->add_option("--host", command.host, "A host name of its own besides NAME.DOMAIN");
  restored->add_option("--quota", command.quotas, kQuotaHelp);
  add("quota", What::quota, "Show or set what it may have at most")->add_option("QUOTA", command.quotas, kQuotaHelp);
}

Result<> run_tenant_command(const std::filesystem::path& data, const TenantCommand& command) {
  SystemClock clock;
  SystemRandom random;
  const TenantFolder folder(data);
  const auto linked = [&](const std::string& secret) -> Result<> {
    print_link(TRY(folder.reach()), TRY(folder.find(command.name)), secret);
    return {};
  };
  const Json quotas = TRY(parse_sizes(command.quotas));
  const fleet::Limits limits = TRY(fleet::changed_limits({}, quotas));
  switch (command.what) {
    case What::add: return linked(TRY(folder.add(command.name, command.host, clock, random, limits)));
    case What::link: return linked(TRY(folder.renew_link(command.name, random)));
    case What::list: return list(folder, command.json);
    case What::suspend: return folder.set_suspended(command.name, true);
    case What::resume: return folder.set_suspended(command.name, false);
    case What::remove: return remove(folder, data, command, random);
    case What::back_up: print_report("backed up", TRY(folder.back_up(command.name, command.folder))); return {};
    case What::restore:
      print_report("restored", TRY(folder.restore(command.name, command.host, command.folder, clock, random, limits)));
      return {};
    case What::sign_on: return set_sign_on(folder, command);
    case What::quota: return set_quotas(folder, command, quotas);
    case What::none: break;
  }
  return {};
}

}  // namespace aloft::server
