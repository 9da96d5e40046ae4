// The file that names an identity provider: nothing but https, and roles for somebody.
#include <algorithm>
#include <cstdlib>

#include "oidc/endpoint.hpp"
#include "oidc/settings.hpp"

extern "C" int sso_settings_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  std::filesystem::path secret_file;
  const auto settings = oidc::parse_settings({reinterpret_cast<const char*>(data), size}, "sso.toml", secret_file);
  if (!settings) return 0;
  if (!settings->issuer.starts_with("https://") || settings->client_id.empty() || settings->roles.empty()) std::abort();
  if (std::ranges::find(settings->scopes, "openid") == settings->scopes.end() || settings->claim.empty()) std::abort();
  for (const auto& [group, roles] : settings->roles)
    if (roles == 0) std::abort();
  return 0;
}
