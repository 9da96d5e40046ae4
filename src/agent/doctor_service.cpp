// The agent's surroundings: health checks, systemd's units, the server, the daemon.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>

#include "agent/examination.hpp"
#include "agent/identity.hpp"
#include "agent/local_socket.hpp"
#include "net/http_client.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::minutes kTimesMayDiffer{5};

bool runs_systemd(const Places& places) {
  std::error_code problem;
  return fs::exists(places.run / "systemd/system", problem);
}

bool is_enabled(const Places& places, const std::string& unit) {
  for (const fs::path& folder : places.unit_folders) {
    std::error_code problem;
    for (fs::directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem)) {
      const std::string extension = entry->path().extension();
      std::error_code missing;
      if ((extension == ".wants" || extension == ".requires") && fs::is_symlink(fs::symlink_status(entry->path() / unit, missing)))
        return true;
    }
  }
  return false;
}

bool is_installed(const Places& places, const std::string& unit) {
  return std::ranges::any_of(places.unit_folders, [&](const fs::path& folder) {
    std::error_code problem;
    return fs::exists(folder / unit, problem);
  });
}

// "Date: Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7)
std::optional<WallTime> date_of(const net::Response& response) {
  const auto date = response.header("Date");
  std::tm time{};
  if (!date || ::strptime(std::string(*date).c_str(), "%a, %d %b %Y %H:%M:%S GMT", &time) == nullptr) return std::nullopt;
  return WallTime(std::chrono::seconds(::timegm(&time)));
}

Result<net::Response> ask(const Config& config) {
  auto trust = TRY(server_trust(*config.server, config.state_dir));
  const auto client = TRY(net::HttpClient::create(net::TlsOptions{.trust = std::move(trust), .client = {}}));
  net::Request request;
  request.url = config.server->url + "/";
  request.timeouts.connect = std::chrono::seconds(10);
  request.timeouts.total = std::chrono::seconds(20);
  return client->send(request);
}

}  // namespace

void examine_health(const Patient& patient, Examination& out) {
  const HealthConfig& health = patient.config.health;
  const std::size_t before = out.count();
  std::size_t checks = 0;
  std::error_code problem;
  for (fs::directory_iterator entry(health.dir, problem), end; !problem && entry != end; entry.increment(problem)) {
    const std::string name = entry->path().filename();
    if (name.starts_with('.') || name.ends_with('~')) continue;
    std::error_code unseen;
    if (entry->is_regular_file(unseen) && ::access(entry->path().c_str(), X_OK) == 0) {
      ++checks;
    } else {
      out.warn("health-not-executable", entry->path().string() + " is passed over: it is no executable file",
               "chmod +x it, or take it away");
    }
  }
  const bool others = (health.require_server && patient.config.server) || (health.require_units && runs_systemd(patient.places));
  if (checks == 0 && !others)
    out.warn("health-nothing",
             "a new system is committed as soon as the agent runs: there is no health check, no server and no systemd to ask",
             "put a check of what the device is for into " + health.dir.string());
  if (out.all_good_since(before)) out.good("health", std::to_string(checks) + " health checks in " + health.dir.string());
}

void examine_units(const Patient& patient, Examination& out) {
  if (!runs_systemd(patient.places)) return;
  const std::size_t before = out.count();
  if (!is_enabled(patient.places, "aloftd.service"))
    out.bad("unit-disabled", "aloftd.service is not enabled: after the restart into a new system nobody commits it",
            "systemctl enable aloftd");
  if (!is_installed(patient.places, "aloftd-failed.service"))
    out.warn("unit-missing", "aloftd-failed.service is not installed: a new system whose agent cannot start stays on trial",
             "install it beside aloftd.service, from integration/systemd");
  if (out.all_good_since(before)) out.good("units", "aloftd.service is enabled");
}

void examine_server(const Patient& patient, Examination& out) {
  const Config& config = patient.config;
  if (!config.server) return;
  if (config.server->hawkbit) return examine_hawkbit(patient, out);
  const std::string& url = config.server->url;
  if (const auto trust = server_trust(*config.server, config.state_dir); !trust)
    return out.bad("server-config", "server: " + trust.error().message, "correct [server] in system.toml");
  const auto response = ask(config);
  if (!response)
    return out.bad("server-unreachable", "server " + url + ": " + response.error().message,
                   "check the network, the address, and the server's fingerprint");
  const std::size_t before = out.count();
  const auto date = date_of(*response);
  const auto difference = date ? std::chrono::abs(patient.clock.now() - *date) : std::chrono::milliseconds(0);
  if (difference > kTimesMayDiffer)
    out.warn("server-time", "the server's time is " + to_iso8601(*date) + ", this device's " + to_iso8601(patient.clock.now()),
             "set the clock that is wrong; certificates and deadlines are judged by it");
  std::error_code problem;
  if (!fs::exists(config.state_dir / "enrolled", problem)) {
    const auto key = device_key_sha256(config.state_dir);
    out.warn("server-not-enrolled",
             "server " + url + " answers, but this device is not enrolled" + (key ? "; its key's SHA-256 is " + *key : ""),
             "put a token into server.enrol_token_file; or accept the device at the server, which must show the same SHA-256 of its key as "
             "aloftd status");
  }
  if (out.all_good_since(before)) out.good("server", "server " + url + " answers; enrolled");
}

void examine_daemon(const Patient& patient, Examination& out) {
  const auto daemon = connect_to_daemon(patient.config.agent.socket);
  if (daemon) return out.good("daemon", "the daemon answers on " + patient.config.agent.socket.string());
  out.warn("daemon-stopped", "the daemon does not run", "systemctl enable --now aloftd; then journalctl -u aloftd");
}

}  // namespace aloft::agent
