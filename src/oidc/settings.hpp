// sso.toml: the identity provider of a company, and what its groups may do here. Reference for people: docs/single-sign-on.md.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/roles.hpp"

namespace aloft::oidc {

struct Settings {
  std::string name;    // as the button of the login page says it
  std::string issuer;  // https, as the provider's tokens have it
  std::string client_id;
  std::string client_secret;  // empty: a public client, which PKCE alone protects
  std::vector<std::string> scopes{"openid", "profile"};
  std::vector<std::string> claim{"groups"};   // the way to it: members within members
  std::map<std::string, fleet::Roles> roles;  // of those who have this value in the claim
  std::filesystem::path ca_file;              // empty: the system's authorities
  bool private_addresses = false;             // the provider may be in a private network, or on this machine
};

// file_name is for messages. client_secret_file is read by load_settings only. Errors: 8000-8003, kBadRoles.
Result<Settings> parse_settings(std::string_view text, std::string_view file_name, std::filesystem::path& client_secret_file);
// The file, and the secret's. Errors also: file errors.
Result<Settings> load_settings(const std::filesystem::path& path);

}  // namespace aloft::oidc
