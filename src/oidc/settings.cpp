#include "oidc/settings.hpp"

#include "base/file.hpp"
#include "base/toml_table.hpp"
#include "oidc/endpoint.hpp"

namespace aloft::oidc {
namespace {

constexpr std::uint64_t kMaxFileBytes = 256U << 10;
constexpr std::uint64_t kMaxSecretBytes = 4096;

Result<std::vector<std::string>> texts(Table& table, const toml::node& node, std::string_view key, std::string_view expected) {
  const auto* array = node.as_array();
  if (array == nullptr || array->empty()) return table.wrong(node, key, expected);
  std::vector<std::string> found;
  for (const toml::node& element : *array) {
    const auto* text = element.as_string();
    if (text == nullptr || text->get().empty()) return table.wrong(node, key, expected);
    found.push_back(text->get());
  }
  return found;
}

// A text, or an array of them.
Result<> read_claim(Table& table, std::vector<std::string>& claim) {
  const toml::node* node = table.node("claim");
  if (node == nullptr) return {};
  if (node->is_array()) {
    claim = TRY(texts(table, *node, "claim", "a claim's name, or an array of names that lead to it"));
    return {};
  }
  claim.assign(1, "");
  return table.text("claim", claim.front());
}

Result<> read_scopes(Table& table, std::vector<std::string>& scopes) {
  const toml::node* node = table.node("scopes");
  if (node == nullptr) return {};
  constexpr std::string_view kExpected = "an array of scopes, \"openid\" among them";
  scopes = TRY(texts(table, *node, "scopes", kExpected));
  for (const std::string& scope : scopes)
    if (std::ranges::any_of(scope, [](char c) { return c <= ' ' || c > '~' || c == '"' || c == '\\'; }))
      return table.wrong(*node, "scopes", kExpected);
  if (std::ranges::find(scopes, "openid") == scopes.end()) return table.wrong(*node, "scopes", kExpected);
  return {};
}

Result<> read_roles(Table& table, std::map<std::string, fleet::Roles>& roles) {
  for (const auto& [key, value] : table.get()) {
    const std::string group(key.str());
    const toml::node* node = table.node(group);
    const auto names = TRY(texts(table, *node, group, "an array of roles: viewer, operator, releaser, approver, admin"));
    Result<fleet::Roles> some = fleet::roles_of(names);
    if (!some) return fail(std::move(some).error().within(table.where(node->source()) + "\"" + table.qualified(group) + "\""));
    roles.emplace(group, *some);
  }
  return {};
}

}  // namespace

Result<Settings> parse_settings(std::string_view text, std::string_view file_name, std::filesystem::path& client_secret_file) {
  const toml::table parsed = TRY(parse_toml(text, file_name));
  Table table(parsed, "", file_name);
  Settings settings;
  TRY(table.required_text("name", settings.name));
  TRY(table.required_text("issuer", settings.issuer));
  TRY(table.required_text("client_id", settings.client_id));
  TRY(table.path("client_secret_file", client_secret_file));
  TRY(read_scopes(table, settings.scopes));
  TRY(read_claim(table, settings.claim));
  TRY(table.path("ca_file", settings.ca_file));
  TRY(table.boolean("private_addresses", settings.private_addresses));
  TRY(section(table, "roles", [&](Table& inner) { return read_roles(inner, settings.roles); }));
  TRY(table.no_more());
  if (!is_endpoint(settings.issuer) || settings.issuer.contains('?'))
    return table.wrong(*table.node("issuer"), "issuer", "the provider's https address, without query, as its tokens have it");
  if (settings.name.size() > 64) return table.wrong(*table.node("name"), "name", "at most 64 bytes long");
  if (settings.roles.empty()) return table.missing("roles");
  return settings;
}

Result<Settings> load_settings(const std::filesystem::path& path) {
  std::filesystem::path secret_file;
  Settings settings = TRY(parse_settings(TRY(read_file(path, kMaxFileBytes)), path.string(), secret_file));
  if (secret_file.empty()) return settings;
  settings.client_secret = TRY(read_file(secret_file, kMaxSecretBytes));
  while (!settings.client_secret.empty() && (settings.client_secret.back() == '\n' || settings.client_secret.back() == '\r'))
    settings.client_secret.pop_back();
  if (settings.client_secret.empty()) return fail(kConfigValue, secret_file.string() + " is empty; it must hold the client's secret");
  return settings;
}

}  // namespace aloft::oidc
