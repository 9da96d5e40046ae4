// What signatures are judged by, and the device's own key.
#include <sys/stat.h>

#include <algorithm>

#include "agent/examination.hpp"
#include "crypto/trust.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::days kSoon{60};
constexpr unsigned kWritableByOthers = S_IWGRP | S_IWOTH;
constexpr unsigned kOpenToOthers = S_IRWXG | S_IRWXO;

bool has_anchor_file(const fs::path& folder) {
  std::error_code problem;
  for (fs::directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem))
    if (entry->path().extension() == ".pem") return true;
  return false;
}

bool has_mode(const fs::path& path, unsigned bits) {
  struct stat found{};
  return ::stat(path.c_str(), &found) == 0 && (found.st_mode & bits) != 0;
}

void examine_modes(const Config& config, Examination& out) {
  std::error_code problem;
  std::vector<fs::path> files{config.trust_dir};
  for (fs::directory_iterator entry(config.trust_dir, problem), end; !problem && entry != end; entry.increment(problem))
    files.push_back(entry->path());
  std::ranges::sort(files);
  for (const fs::path& file : files)
    if (has_mode(file, kWritableByOthers))
      out.bad("trust-writable", file.string() + " may be written by others than its owner, who could then sign for this device",
              "chmod go-w " + file.string());
  std::vector<fs::path> secrets{config.state_dir / "device-key.pem"};
  if (config.server && !config.server->enrol_token_file.empty()) secrets.push_back(config.server->enrol_token_file);
  if (config.server && config.server->hawkbit)
    for (const fs::path& file :
         {config.server->hawkbit->target_token_file, config.server->hawkbit->gateway_token_file, config.server->hawkbit->client_key})
      if (!file.empty()) secrets.push_back(file);
  for (const fs::path& file : secrets)
    if (has_mode(file, kOpenToOthers))
      out.bad("key-mode", file.string() + " is a secret, but others than its owner may read it", "chmod 600 " + file.string());
}

void examine_expiry(const Patient& patient, const crypto::TrustStore& trust, Examination& out) {
  if (patient.clock_is_wrong) return;
  const WallTime now = patient.clock.now();
  const auto until = trust.anchors_valid_until();
  if (until <= now)
    out.bad("trust-expired", "a trust anchor expired on " + to_iso8601(until),
            "bring a new anchor to the device with an update, or by hand");
  else if (until <= now + kSoon)
    out.warn("trust-expires-soon", "a trust anchor expires on " + to_iso8601(until),
             "bring a new anchor to the devices with the next update");
  const auto crls = trust.crls_valid_until();
  if (crls && *crls <= now)
    out.bad("crl-expired", "a revocation list expired on " + to_iso8601(*crls) + "; until there is a newer one every bundle is refused",
            "bring a new list to the device, or take the old one away");
  else if (crls && *crls <= now + kSoon)
    out.warn("crl-expires-soon", "a revocation list expires on " + to_iso8601(*crls) + "; every bundle is refused then",
             "bring a new list to the devices with the next update");
}

}  // namespace

void examine_trust(const Patient& patient, Examination& out) {
  const Config& config = patient.config;
  const std::size_t before = out.count();
  examine_modes(config, out);
  const auto trust = crypto::TrustStore::load(config.trust_dir);
  if (!trust) {
    const bool missing = !has_anchor_file(config.trust_dir);
    return out.bad(missing ? "trust-missing" : "trust-unreadable", "trust anchors: " + trust.error().message,
                   missing ? "put the signing CA's certificate into " + config.trust_dir.string() + " as a .pem file"
                           : "replace the damaged file; check its mode");
  }
  examine_expiry(patient, *trust, out);
  if (out.all_good_since(before))
    out.good("trust", "trust anchors in " + config.trust_dir.string() + ", good until " + to_iso8601(trust->anchors_valid_until()));
}

}  // namespace aloft::agent
