#include "server/options.hpp"

#include <CLI/CLI.hpp>
#include <charconv>

#include "base/usage.hpp"
#include "server/delta_child.hpp"
#include "server/tenant_name.hpp"

namespace aloft::server {
namespace {

// "ADDRESS:PORT", "[ADDRESS]:PORT"; the complaint when it is neither.
std::string split_listen(const std::string& text, Options& options) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return "must be ADDRESS:PORT, as 0.0.0.0:8443 or [::]:8443";
  options.listen_address = text.substr(0, colon);
  if (options.listen_address.starts_with('[') && options.listen_address.ends_with(']'))
    options.listen_address = options.listen_address.substr(1, options.listen_address.size() - 2);
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data() + colon + 1, end, options.listen_port);
  if (error != std::errc{} || stopped != end) return "must end in a port from 0 to 65535";
  return {};
}

std::string url_complaint(const std::string& url) {
  const bool good = (url.starts_with("https://") && url.size() > 8) || (url.starts_with("http://") && url.size() > 7);
  return good ? "" : "must be https://HOST or https://HOST:PORT, not " + url;
}

void add_sign_on(CLI::App& app, Options& options) {
  app.add_option("--sso", options.sign_on,
                 "TOML file of the identity provider where people may sign in (OpenID Connect): docs/single-sign-on.md")
      ->envname("ALOFT_SSO")
      ->check(CLI::ExistingFile);
}

std::string sign_on_complaint(const Options& options) {
  if (options.sign_on.empty() || options.url.starts_with("https://")) return {};
  return "needs --url https://..., where the identity provider sends people back to";
}

}  // namespace

Parsed parse_options(int argc, char** argv) {
  Parsed parsed;
  Options& options = parsed.options;
  CLI::App app("aloft-server: artifacts, devices and deployments of a fleet. See docs/server.md.", "aloft-server");
  app.failure_message(usage_complaint);
  app.set_version_flag("--version", "aloft-server " ALOFT_VERSION);
  std::string listen = "0.0.0.0:8443";
  app.add_option("--data", options.data, "Folder for database, artifacts and keys; made when missing")->envname("ALOFT_DATA");
  app.add_option("--listen", listen, "ADDRESS:PORT to listen on; port 0 takes a free one")->envname("ALOFT_LISTEN")->capture_default_str();
  app.add_option("--url", options.url, "The server's address as people and devices use it")->envname("ALOFT_URL")->check(url_complaint);
  auto* certificate = app.add_option("--tls-cert", options.tls_certificate, "PEM certificate (and chain) instead of the generated one");
  auto* key = app.add_option("--tls-key", options.tls_key, "PEM key of --tls-cert");
  certificate->envname("ALOFT_TLS_CERT")->needs(key);
  key->envname("ALOFT_TLS_KEY")->needs(certificate);
  auto* authorities = app.add_option("--client-ca", options.client_authorities,
                                     "PEM file of the authorities whose certificates devices of hawkBit's protocol may show: docs/ddi.md");
  authorities->envname("ALOFT_CLIENT_CA")->check(CLI::ExistingFile);
  app.add_flag("--plain-http", options.plain_http, "No TLS: only behind a reverse proxy on the same machine")
      ->envname("ALOFT_PLAIN_HTTP")
      ->excludes(certificate)
      ->excludes(authorities);
  app.add_option("--max-connections", options.max_connections, "Connections at once; each device that waits for its updates holds one")
      ->envname("ALOFT_MAX_CONNECTIONS")
      ->check(CLI::Range(std::size_t{10}, std::size_t{1'000'000}))
      ->capture_default_str();
  app.add_option("--trust", options.trust, "Folder of trust anchors (*.pem, *.crl): refuse bundles that nobody in it signed")
      ->envname("ALOFT_TRUST");
  add_sign_on(app, options);
  app.add_flag("--webhooks-to-private", options.webhooks_to_private, "Webhooks may go to private networks and to this machine itself")
      ->envname("ALOFT_WEBHOOKS_TO_PRIVATE");
  std::string deltas = "on";
  app.add_option("--deltas", deltas, "off: make none; those that are uploaded are offered all the same")
      ->envname("ALOFT_DELTAS")
      ->check(CLI::IsMember({"on", "off"}))
      ->capture_default_str();
  std::uint64_t memory_mib = options.deltas.memory_bytes >> 20;
  app.add_option("--delta-memory-mib", memory_mib, "Memory of the process that makes a delta")
      ->envname("ALOFT_DELTA_MEMORY_MIB")
      ->check(CLI::Range(kLeastDeltaMemoryBytes >> 20, std::uint64_t{64} << 10))
      ->capture_default_str();
  std::uint64_t keep_hours = static_cast<std::uint64_t>(options.deltas.keep.count());
  app.add_option("--delta-keep-hours", keep_hours, "For so long a delta that no device could use is kept")
      ->envname("ALOFT_DELTA_KEEP_HOURS")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{24} * 3650))
      ->capture_default_str();
  app.add_option("--tenant-domain", options.tenant_domain, "Serve tenants: NAME.DOMAIN is tenant NAME (docs/tenants.md)")
      ->envname("ALOFT_TENANT_DOMAIN")
      ->check([](const std::string& domain) {
        const auto good = check_host_name(domain);
        return good ? std::string() : good.error().message;
      });
  add_tenant_command(app, options.tenant);
  app.add_flag("--list-routes", options.list_routes, "Print the routes, one \"METHOD /path\" a line, and exit");
  auto* backup = app.add_option("--backup-to", options.backup_to, "Copy the data folder, also while a server runs on it, and exit");
  app.add_option("--restore-from", options.restore_from, "Make the data folder, which must be empty, from a backup, and exit")
      ->excludes(backup);
  try {
    app.parse(argc, argv);
    const std::string complaint = split_listen(listen, options);
    if (!complaint.empty()) throw CLI::ValidationError("--listen", complaint);
    options.deltas.make = deltas == "on";
    options.deltas.memory_bytes = memory_mib << 20;
    options.deltas.keep = std::chrono::hours(keep_hours);
    if (const std::string wrong = sign_on_complaint(options); !wrong.empty()) throw CLI::ValidationError("--sso", wrong);
    if (options.data.empty()) throw CLI::RequiredError("--data");
  } catch (const CLI::ParseError& error) {
    parsed.exit_status = app.exit(error) == 0 ? 0 : 2;
  }
  return parsed;
}

}  // namespace aloft::server
