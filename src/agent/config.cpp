#include "agent/config.hpp"

#include <algorithm>

// The library asserts what not every input keeps to, as fuzzing found; behind its assertions
// stand its own error checks. With NDEBUG it would even promise the compiler that they hold.
#undef NDEBUG
#define TOML_ASSERT(expr) static_assert(true)
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include "agent/errors.hpp"
#include "base/file.hpp"
#include "boot/loaders.hpp"

namespace aloft::agent {
namespace {

constexpr std::uint64_t kMaxConfigBytes = 256 << 10;

// Reads one table's keys and notices those that nobody asked for.
class Table {
 public:
  Table(const toml::table& table, std::string name, std::string_view file) : table_(&table), name_(std::move(name)), file_(file) {}

  Result<> text(std::string_view key, std::string& out) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const auto* value = node->as_string();
    if (value == nullptr || value->get().empty() || value->get().find('\0') != std::string::npos)
      return wrong(*node, key, "text, not empty");
    out = value->get();
    return {};
  }

  Result<> required_text(std::string_view key, std::string& out) {
    if (!table_->contains(key)) return missing(key);
    return text(key, out);
  }

  // An absolute path; allow_empty stands for "none".
  Result<> path(std::string_view key, std::filesystem::path& out, bool allow_empty = false) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const auto* value = node->as_string();
    if (value != nullptr && value->get().empty() && allow_empty) {
      out.clear();
      return {};
    }
    if (value == nullptr || !value->get().starts_with('/') || value->get().find('\0') != std::string::npos)
      return wrong(*node, key, "an absolute path");
    out = value->get();
    return {};
  }

  template <typename Number>
  Result<> number(std::string_view key, Number& out, std::int64_t least, std::int64_t most) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const auto* value = node->as_integer();
    if (value == nullptr || value->get() < least || value->get() > most)
      return wrong(*node, key, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    out = Number(value->get());
    return {};
  }

  Result<> boolean(std::string_view key, bool& out) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const auto* value = node->as_boolean();
    if (value == nullptr) return wrong(*node, key, "true or false");
    out = value->get();
    return {};
  }

  Result<> words(std::string_view key, std::vector<std::string>& out) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const auto* array = node->as_array();
    if (array == nullptr || array->empty()) return wrong(*node, key, "an array of words: program and arguments");
    for (const auto& element : *array) {
      const auto* word = element.as_string();
      if (word == nullptr) return wrong(*node, key, "an array of words: program and arguments");
      out.push_back(word->get());
    }
    return {};
  }

  // One of `choices`, which are separated by '|'.
  Result<> choice(std::string_view key, std::string& out, std::string_view choices) {
    const toml::node* node = find(key);
    if (node == nullptr) return {};
    const auto* value = node->as_string();
    std::string list;
    for (std::size_t at = 0; at <= choices.size();) {
      const std::size_t end = std::min(choices.find('|', at), choices.size());
      const std::string_view each = choices.substr(at, end - at);
      if (value != nullptr && value->get() == each) {
        out = each;
        return {};
      }
      list += (list.empty() ? "\"" : ", \"") + std::string(each) + "\"";
      at = end + 1;
    }
    return wrong(*node, key, list);
  }

  // nullptr when absent.
  Result<const toml::table*> table(std::string_view key) {
    const toml::node* node = find(key);
    if (node == nullptr) return nullptr;
    if (!node->is_table()) return wrong(*node, key, "a table: [" + qualified(key) + "]");
    return node->as_table();
  }

  Result<> no_more() const {
    for (const auto& [key, node] : *table_) {
      if (std::ranges::find(known_, key.str()) != known_.end()) continue;
      std::string list;
      for (const std::string& name : known_) list += (list.empty() ? "" : ", ") + name;
      return fail(kConfigUnknownKey, where(key.source()) + "unknown key \"" + qualified(key.str()) + "\"; known here: " + list);
    }
    return {};
  }

  std::unexpected<Error> wrong(const toml::node& node, std::string_view key, std::string_view expected) const {
    return fail(kConfigValue, where(node.source()) + "\"" + qualified(key) + "\" must be " + std::string(expected));
  }
  std::unexpected<Error> missing(std::string_view key) const {
    return fail(kConfigMissing, where(table_->source()) + "\"" + qualified(key) + "\" is missing");
  }
  std::string where(const toml::source_region& source) const {
    return file_ + ":" + std::to_string(std::max<std::uint32_t>(source.begin.line, 1)) + ": ";
  }
  std::string qualified(std::string_view key) const { return name_.empty() ? std::string(key) : name_ + "." + std::string(key); }
  const toml::table& get() const { return *table_; }
  const std::string& file() const { return file_; }

 private:
  const toml::node* find(std::string_view key) {
    known_.emplace_back(key);
    return table_->get(key);
  }

  const toml::table* table_;
  std::string name_;
  std::string file_;
  std::vector<std::string> known_;
};

// Reads the table `key` of `parent`, where there is one, by `read`.
template <typename Read>
Result<> section(Table& parent, const char* key, Read read) {
  const toml::table* found = TRY(parent.table(key));
  if (found == nullptr) return {};
  Table table(*found, parent.qualified(key), parent.file());
  TRY(read(table));
  return table.no_more();
}

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

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 32 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

Result<> read_slot(Table& table, SlotConfig& slot) {
  if (!table.get().contains("device")) return table.missing("device");
  TRY(table.path("device", slot.device));
  TRY(table.text("type", slot.type));
  if (slot.type != "raw") return table.wrong(*table.get().get("type"), "type", "\"raw\"");
  return {};
}

Result<> read_groups(Table& table, std::map<std::string, GroupConfig>& groups) {
  for (const auto& [name, node] : table.get()) {
    const std::string group_name(name.str());
    if (!is_name(group_name)) return table.wrong(node, group_name, "named with 1-32 of A-Z a-z 0-9 _ -");
    GroupConfig& group = groups[group_name];
    TRY(section(table, group_name.c_str(), [&group](Table& classes) -> Result<> {
      for (const auto& [slot_class, slot_node] : classes.get()) {
        const std::string class_name(slot_class.str());
        if (!is_name(class_name)) return classes.wrong(slot_node, class_name, "named with 1-32 of A-Z a-z 0-9 _ -");
        TRY(section(classes, class_name.c_str(), [&](Table& slot) { return read_slot(slot, group[class_name]); }));
      }
      return {};
    }));
  }
  return {};
}

// Every group must have every class, on devices that differ: a slot named twice would be written while it runs.
Result<> check_groups(const Config& config, std::string_view file) {
  const std::string prefix = std::string(file) + ": ";
  if (config.groups.size() < 2)
    return fail(kConfigMissing, prefix + "at least two groups of slots are needed, such as [group.A.rootfs] and [group.B.rootfs]");
  std::map<std::filesystem::path, std::string> owners;
  const GroupConfig& first = config.groups.begin()->second;
  for (const auto& [name, group] : config.groups) {
    if (group.empty()) return fail(kConfigMissing, prefix + "group \"" + name + "\" has no slots");
    const auto same_class = [](const auto& left, const auto& right) { return left.first == right.first; };
    if (!std::ranges::equal(first, group, same_class))
      return fail(kConfigValue,
                  prefix + "group \"" + name + "\" has other slot classes than group \"" + config.groups.begin()->first + "\"");
    for (const auto& [slot_class, slot] : group) {
      const auto [owner, fresh] = owners.emplace(slot.device, name + "." + slot_class);
      if (!fresh)
        return fail(kConfigValue,
                    prefix + "slots " + owner->second + " and " + name + "." + slot_class + " are the same device " + slot.device.string());
    }
  }
  return {};
}

Result<> read_server(Table& table, ServerConfig& server) {
  TRY(table.required_text("url", server.url));
  const auto host = server.url.find("://");
  if (!server.url.starts_with("https://") || server.url.size() == host + 3 || server.url.find('/', host + 3) != std::string::npos)
    return table.wrong(*table.get().get("url"), "url", "\"https://host\" or \"https://host:port\", without a path");
  TRY(table.text("name", server.name));
  TRY(table.path("enrol_token_file", server.enrol_token_file));
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

Result<> read_watchdog(Table& table, WatchdogConfig& watchdog) {
  TRY(table.path("device", watchdog.device, true));
  TRY(table.number("timeout_s", watchdog.timeout, 5, 3600));
  return table.number("systemd_timeout_s", watchdog.systemd_timeout, 0, 3600);
}

Result<> read_download(Table& table, DownloadConfig& download) {
  TRY(table.number("give_up_s", download.give_up, 1, 30 * 86400));
  TRY(table.number("ahead_kib", download.ahead_kib, 16, 8192));
  return table.path("ca_file", download.ca_file);
}

Result<> read_agent(Table& table, AgentConfig& agent) {
  TRY(table.path("socket", agent.socket));
  TRY(table.text("control_group", agent.control_group));
  TRY(table.words("reboot_command", agent.reboot_command));
  TRY(table.path("kernel_command_line", agent.kernel_command_line));
  TRY(table.path("boot_id_file", agent.boot_id_file));
  TRY(table.path("version_file", agent.version_file));
  return table.path("machine_id_file", agent.machine_id_file);
}

Result<> read_all(Table& table, Config& config) {
  TRY(table.required_text("product", config.product));
  TRY(table.required_text("hardware", config.hardware));
  TRY(table.path("state_dir", config.state_dir));
  TRY(table.path("trust_dir", config.trust_dir));
  if (!table.get().contains("boot")) return table.missing("boot");
  TRY(section(table, "boot", [&](Table& inner) { return read_boot(inner, config.boot); }));
  TRY(section(table, "group", [&](Table& inner) { return read_groups(inner, config.groups); }));
  TRY(section(table, "server", [&](Table& inner) { return read_server(inner, config.server.emplace()); }));
  TRY(section(table, "health", [&](Table& inner) { return read_health(inner, config.health); }));
  TRY(section(table, "watchdog", [&](Table& inner) { return read_watchdog(inner, config.watchdog); }));
  TRY(section(table, "download", [&](Table& inner) { return read_download(inner, config.download); }));
  TRY(section(table, "agent", [&](Table& inner) { return read_agent(inner, config.agent); }));
  return table.no_more();
}

}  // namespace

Result<Config> parse_config(std::string_view text, std::string_view file_name) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed)
    return fail(kConfigSyntax, std::string(file_name) + ":" + std::to_string(parsed.error().source().begin.line) + ": " +
                                   std::string(parsed.error().description()));
  Config config;
  Table root(parsed.table(), "", file_name);
  TRY(read_all(root, config));
  TRY(check_groups(config, file_name));
  return config;
}

Result<Config> load_config(const std::filesystem::path& path) { return parse_config(TRY(read_file(path, kMaxConfigBytes)), path.string()); }

}  // namespace aloft::agent
