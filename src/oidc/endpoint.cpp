#include "oidc/endpoint.hpp"

#include <algorithm>
#include <charconv>

#include "base/json.hpp"
#include "net/transfer.hpp"
#include "net/web_address.hpp"
#include "oidc/errors.hpp"
#include "oidc/key_set.hpp"

namespace aloft::oidc {
namespace {

constexpr std::size_t kMaxEndpointBytes = 2048;
constexpr std::size_t kMaxListed = 200;

// Whether the list `key` has one of `wanted`; `absent` when it is not there.
Result<bool> lists(JsonObject& object, const char* key, std::initializer_list<std::string_view> wanted, bool absent) {
  const Json* list = TRY(object.optional_array(key, kMaxListed));
  if (list == nullptr) return absent;
  return std::ranges::any_of(*list, [&](const Json& element) {
    return element.is_string() && std::ranges::find(wanted, element.get_ref<const std::string&>()) != wanted.end();
  });
}

Result<std::string> endpoint(JsonObject& object, const char* key) {
  std::string address = TRY(object.text(key, kMaxEndpointBytes));
  if (is_endpoint(address)) return address;
  return fail(kProviderAnswer, "the identity provider's \"" + std::string(key) + "\" is no https address");
}

Result<Metadata> read_metadata(JsonObject& object, const std::string& issuer) {
  if (TRY(object.text("issuer", kMaxEndpointBytes)) != issuer)
    return fail(kProviderAnswer, "the document is another issuer's; set \"issuer\" in sso.toml to exactly what the provider calls itself");
  Metadata metadata;
  metadata.authorization_endpoint = TRY(endpoint(object, "authorization_endpoint"));
  metadata.token_endpoint = TRY(endpoint(object, "token_endpoint"));
  metadata.jwks_uri = TRY(endpoint(object, "jwks_uri"));
  metadata.basic = TRY(lists(object, "token_endpoint_auth_methods_supported", {"client_secret_basic"}, true));
  metadata.says_issuer = TRY(object.optional_boolean("authorization_response_iss_parameter_supported")).value_or(false);
  if (!TRY(lists(object, "response_types_supported", {"code"}, true)))
    return fail(kProviderAnswer, "the identity provider does not offer the authorization code flow");
  if (!TRY(lists(object, "code_challenge_methods_supported", {"S256"}, true)))
    return fail(kProviderAnswer, "the identity provider does not offer PKCE with S256");
  if (!TRY(lists(object, "id_token_signing_alg_values_supported", {kRs256, kEs256}, true)))
    return fail(kProviderAnswer, "the identity provider signs its tokens with neither RS256 nor ES256");
  return metadata;
}

}  // namespace

bool is_endpoint(const std::string& address) {
  constexpr std::string_view kHttps = "https://";
  if (address.size() > kMaxEndpointBytes || !address.starts_with(kHttps)) return false;
  if (std::ranges::any_of(address, [](char c) { return c <= ' ' || c > '~' || c == '#' || c == '\\' || c == '"'; })) return false;
  const std::size_t end = std::min(address.find_first_of("/?", kHttps.size()), address.size());
  if (address.substr(0, end).contains('@')) return false;
  return !net::origin_of(address).empty();
}

std::string metadata_address(const std::string& issuer) {
  return (issuer.ends_with('/') ? issuer.substr(0, issuer.size() - 1) : issuer) + "/.well-known/openid-configuration";
}

Result<Metadata> parse_metadata(std::string_view text, const std::string& issuer) {
  const Result<Json> json = parse_json(text);
  if (!json) return fail(kProviderAnswer, "the identity provider's discovery document: " + json.error().message);
  Result<JsonObject> object = JsonObject::of(*json, "document");
  if (!object) return fail(kProviderAnswer, "the identity provider's discovery document: " + object.error().message);
  Result<Metadata> metadata = read_metadata(*object, issuer);
  if (!metadata && metadata.error().code.number != kProviderAnswer.number)
    return fail(kProviderAnswer, "the identity provider's discovery document: " + metadata.error().message);
  return metadata;
}

std::chrono::seconds freshness(const std::vector<net::Header>& headers) {
  constexpr std::chrono::seconds kLeast{60};
  constexpr std::chrono::seconds kMost{24 * 3600};
  constexpr std::chrono::seconds kUsual{3600};
  const std::string_view text = net::find_header(headers, "cache-control").value_or("");
  if (text.contains("no-store") || text.contains("no-cache")) return kLeast;
  constexpr std::string_view kName = "max-age=";
  const std::size_t at = text.find(kName);
  if (at == std::string_view::npos) return kUsual;
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data() + at + kName.size(), text.data() + text.size(), seconds);
  if (error == std::errc::result_out_of_range) return kMost;
  if (error != std::errc{}) return kUsual;
  return std::clamp(std::chrono::seconds(seconds), kLeast, kMost);
}

}  // namespace aloft::oidc
