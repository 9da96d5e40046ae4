// The command line of aloft-server. Each option can also be set by the environment: --data by ALOFT_DATA, and so on.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "server/delta_workshop.hpp"
#include "server/tenant_command.hpp"

namespace aloft::server {

struct Options {
  std::filesystem::path data;
  std::string listen_address = "0.0.0.0";
  std::uint16_t listen_port = 8443;
  std::string url;  // as people and devices reach it; empty: made from host name and port
  std::filesystem::path tls_certificate;
  std::filesystem::path tls_key;
  std::filesystem::path client_authorities;  // empty: clients are asked for no certificate
  bool plain_http = false;
  std::size_t max_connections = 10'000;
  std::filesystem::path trust;
  std::filesystem::path sign_on;  // sso.toml; empty: nobody signs in at an identity provider
  bool webhooks_to_private = false;
  DeltaSettings deltas;
  std::string tenant_domain;  // NAME.DOMAIN is tenant NAME; empty: no tenants
  TenantCommand tenant;       // then the server is not started
  bool list_routes = false;
  std::filesystem::path backup_to;     // then the server is not started
  std::filesystem::path restore_from;  // likewise
};

// Prints help and mistakes itself; then an exit status comes instead of options.
struct Parsed {
  std::optional<int> exit_status;
  Options options;
};
Parsed parse_options(int argc, char** argv);

}  // namespace aloft::server
