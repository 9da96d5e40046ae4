#include "agent/config.hpp"

#include <algorithm>

#include "agent/errors.hpp"
#include "agent/factory_reset.hpp"
#include "agent/slot_config.hpp"
#include "base/file.hpp"
#include "boot/loaders.hpp"

namespace aloft::agent {
namespace {

constexpr std::uint64_t kMaxConfigBytes = 256 << 10;

// One text or number for each group: [boot.part] A = 2.
Result<> read_per_slot(Table& table, std::string_view key, boot::Settings& settings) {
  return section(table, std::string(key).c_str(), [&](Table& inner) -> Result<> {
    for (const auto& [slot, node] : inner.get()) {
      const std::string name(slot.str());
      std::string value;
      if (node.is_integer()) {
        std::int64_t number = 0;
        TRY(inner.number(name, number, 0, INT64_MAX));
        value = std::to_string(number);
      } else {
        TRY(inner.text(name, value));
      }
      settings.set(std::string(key) + "." + name, value);
    }
    return {};
  });
}

Result<> read_setting(Table& table, const boot::Setting& setting, boot::Settings& settings) {
  const std::string key(setting.key);
  if (setting.required && !table.get().contains(key)) return table.missing(key);
  std::string value(setting.fallback);
  switch (setting.kind) {
    case boot::SettingKind::path: {
      std::filesystem::path path = value;
      TRY(table.path(key, path));
      value = path.string();
      break;
    }
    case boot::SettingKind::text: TRY(table.text(key, value)); break;
    case boot::SettingKind::choice: TRY(table.choice(key, value, setting.choices)); break;
    case boot::SettingKind::number: {
      if (!table.get().contains(key)) break;
      std::int64_t number = 0;
      TRY(table.number(key, number, setting.least, setting.most));
      value = std::to_string(number);
      break;
    }
    case boot::SettingKind::per_slot: return read_per_slot(table, setting.key, settings);
  }
  if (!value.empty()) settings.set(key, value);
  return {};
}

Result<> read_boot(Table& table, BootConfig& boot) {
  std::string names;
  for (const boot::Loader& loader : boot::loaders()) names += (names.empty() ? "" : "|") + std::string(loader.name);
  TRY(table.choice("loader", boot.loader, names));
  for (const boot::Setting& setting : boot::find_loader(boot.loader)->settings) TRY(read_setting(table, setting, boot.settings));
  return table.number("tries", boot.tries, 1, 3);
}

Result<> read_hawkbit(Table& table, HawkbitConfig& hawkbit) {
  TRY(table.text("tenant", hawkbit.tenant));
  TRY(table.path("target_token_file", hawkbit.target_token_file));
  TRY(table.path("gateway_token_file", hawkbit.gateway_token_file));
  if (!hawkbit.target_token_file.empty() && !hawkbit.gateway_token_file.empty())
    return table.wrong(*table.get().get("gateway_token_file"), "gateway_token_file", "left out where there is a target_token_file");
  TRY(table.path("client_cert", hawkbit.client_cert));
  TRY(table.path("client_key", hawkbit.client_key));
  if (hawkbit.client_cert.empty() != hawkbit.client_key.empty())
    return table.missing(hawkbit.client_cert.empty() ? "client_cert" : "client_key");
  std::string soft = "install";
  TRY(table.choice("soft", soft, "install|ask"));
  hawkbit.ask_if_soft = soft == "ask";
  return {};
}

Result<> read_server(Table& table, ServerConfig& server) {
  std::string protocol = "aloft";
  TRY(table.choice("protocol", protocol, "aloft|hawkbit"));
  if (protocol == "hawkbit") TRY(read_hawkbit(table, server.hawkbit.emplace()));
  TRY(table.required_text("url", server.url));
  const auto host = server.url.find("://");
  const bool secure = server.url.starts_with("https://") || (server.hawkbit && server.url.starts_with("http://"));
  if (!secure || server.url.size() == host + 3 || server.url.find('/', host + 3) != std::string::npos)
    return table.wrong(*table.get().get("url"), "url", "\"https://host\" or \"https://host:port\", without a path");
  TRY(table.text("name", server.name));
  if (!server.hawkbit) TRY(table.path("enrol_token_file", server.enrol_token_file));
  TRY(table.text("fingerprint", server.fingerprint));
  if (!server.fingerprint.empty() &&
      (server.fingerprint.size() != 64 || server.fingerprint.find_first_not_of("0123456789abcdef") != std::string::npos))
    return table.wrong(*table.get().get("fingerprint"), "fingerprint", "64 lower-case hexadecimal digits");
  return table.path("ca_file", server.ca_file);
}

Result<> read_health(Table& table, HealthConfig& health) {
  TRY(table.path("dir", health.dir));
  TRY(table.number("deadline_s", health.deadline, 1, 86400));
  TRY(table.number("check_timeout_s", health.check_timeout, 1, 86400));
  TRY(table.boolean("require_server", health.require_server));
  return table.boolean("require_units", health.require_units);
}

Result<> read_inventory(Table& table, InventoryConfig& inventory) {
  TRY(table.path("dir", inventory.dir));
  TRY(table.number("interval_s", inventory.interval, 60, 30 * 86400));
  return table.number("timeout_s", inventory.timeout, 1, 3600);
}

Result<> read_metrics(Table& table, MetricsConfig& metrics) {
  TRY(table.path("dir", metrics.dir));
  TRY(table.number("interval_s", metrics.interval, 60, 86400));
  return table.number("timeout_s", metrics.timeout, 1, 3600);
}

Result<> read_watchdog(Table& table, WatchdogConfig& watchdog) {
  TRY(table.path("device", watchdog.device, true));
  TRY(table.number("timeout_s", watchdog.timeout, 5, 3600));
  TRY(table.number("systemd_timeout_s", watchdog.systemd_timeout, 0, 3600));
  return table.boolean("locked", watchdog.locked);
}

Result<> read_download(Table& table, DownloadConfig& download) {
  TRY(table.number("give_up_s", download.give_up, 1, 30 * 86400));
  TRY(table.number("ahead_kib", download.ahead_kib, 16, 8192));
  TRY(table.boolean("delta", download.delta));
  TRY(table.number("delta_fallback_kib", download.delta_fallback_kib, 0, 1U << 30));
  TRY(table.boolean("reuse", download.reuse));
  TRY(table.number("budget_kib", download.budget_kib, 0, 1U << 30));
  TRY(table.words("metered_interfaces", download.metered_interfaces));
  std::string metered = "use";
  TRY(table.choice("metered", metered, "use|wait"));
  download.metered_wait = metered == "wait";
  TRY(table.number("metered_budget_kib", download.metered_budget_kib, 0, 1U << 30));
  TRY(table.path("known_hosts", download.known_hosts));
  TRY(table.path("ssh_key", download.ssh_key));
  return table.path("ca_file", download.ca_file);
}

Result<> read_agent(Table& table, AgentConfig& agent) {
  TRY(table.path("socket", agent.socket));
  TRY(table.text("control_group", agent.control_group));
  TRY(table.words("reboot_command", agent.reboot_command));
  TRY(table.path("kernel_command_line", agent.kernel_command_line));
  TRY(table.path("boot_id_file", agent.boot_id_file));
  TRY(table.path("version_file", agent.version_file));
  std::vector<std::string> panic_dirs;
  TRY(table.words("panic_dirs", panic_dirs));
  if (!panic_dirs.empty()) agent.panic_dirs.assign(panic_dirs.begin(), panic_dirs.end());
  return table.path("machine_id_file", agent.machine_id_file);
}

Result<> read_factory_reset(Table& table, std::vector<std::filesystem::path>& folders) {
  std::vector<std::string> names;
  TRY(table.words("folders", names));
  folders.assign(names.begin(), names.end());
  return {};
}

Result<> read_all(Table& table, Config& config) {
  TRY(table.required_text("product", config.product));
  TRY(table.required_text("hardware", config.hardware));
  TRY(table.path("state_dir", config.state_dir));
  TRY(table.path("trust_dir", config.trust_dir));
  if (!table.get().contains("boot")) return table.missing("boot");
  TRY(section(table, "boot", [&](Table& inner) { return read_boot(inner, config.boot); }));
  TRY(section(table, "group", [&](Table& inner) { return read_groups(inner, config); }));
  TRY(section(table, "shared", [&](Table& inner) { return read_shared(inner, config.shared); }));
  TRY(read_partitions(table, config.partitions));
  TRY(section(table, "server", [&](Table& inner) { return read_server(inner, config.server.emplace()); }));
  TRY(section(table, "health", [&](Table& inner) { return read_health(inner, config.health); }));
  TRY(section(table, "inventory", [&](Table& inner) { return read_inventory(inner, config.inventory); }));
  TRY(section(table, "metrics", [&](Table& inner) { return read_metrics(inner, config.metrics); }));
  config.watchdog.locked = boot::find_loader(config.boot.loader)->locks_watchdog;
  TRY(section(table, "watchdog", [&](Table& inner) { return read_watchdog(inner, config.watchdog); }));
  TRY(section(table, "download", [&](Table& inner) { return read_download(inner, config.download); }));
  TRY(section(table, "factory_reset", [&](Table& inner) { return read_factory_reset(inner, config.reset_folders); }));
  TRY(section(table, "agent", [&](Table& inner) { return read_agent(inner, config.agent); }));
  return table.no_more();
}

}  // namespace

Result<Config> parse_config(std::string_view text, std::string_view file_name) {
  const toml::table parsed = TRY(parse_toml(text, file_name));
  Config config;
  Table root(parsed, "", file_name);
  TRY(read_all(root, config));
  for (auto& [slot_class, slot] : config.shared) {
    slot.work_folder = config.state_dir / "modules" / slot_class;
    slot.device_type = config.product;
  }
  TRY(check_slots(config, file_name));
  if (!config.recovery.empty() && !boot::find_loader(config.boot.loader)->takes_recovery)
    return fail(kConfigValue, std::string(file_name) + ": with boot.loader = \"" + config.boot.loader +
                                  "\" no group can have role = \"recovery\": a power cut " +
                                  "could leave the wrong system running; docs/layouts.md names the boot loaders that can");
  TRY(check_reset_folders(config.reset_folders, config.state_dir, config.trust_dir));
  return config;
}

Result<Config> load_config(const std::filesystem::path& path) { return parse_config(TRY(read_file(path, kMaxConfigBytes)), path.string()); }

}  // namespace aloft::agent
