// The tenants of a server as they lie in its data folder: tenants/NAME/ is a data folder of its own. The folder is the truth: the server
// looks at it once a second and follows, whoever has changed it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "fleet/backup.hpp"
#include "fleet/quota.hpp"

namespace aloft::server {

struct Tenant {
  std::string name;
  std::string host;  // besides NAME.DOMAIN; may be empty
  std::uint64_t created_ms = 0;
  bool suspended = false;
  fleet::Limits limits = {};
  std::uint64_t sign_on = 0;  // another one: another file of its identity provider; 0: it has none
  std::uint64_t inode = 0;    // another one: another tenant that has the same name
};

// Its card, tenants/NAME/tenant.json: its host, when it was made, its quotas; the rest is not in it. Errors: kBadJson, kQuotaWrong.
Result<Tenant> parse_card(std::string_view text);
std::string card_of(const Tenant& tenant);

// How tenants are reached: what a running server writes down for those who make them while it runs, or does not.
struct Reach {
  std::string scheme = "https";
  std::string domain;              // NAME.DOMAIN is tenant NAME
  std::string port;                // ":8443"; empty for the scheme's own
  std::string certificate_sha256;  // empty without TLS
  // "https://acme.updates.example:8443"
  std::string url_of(const Tenant& tenant) const;
  // As a first start prints it: "URL/setup#SECRET.CERTIFICATE".
  std::string setup_token(const std::string& secret) const;
  bool operator==(const Reach&) const = default;
};

// As it is written down. Errors: kBadJson.
Result<Reach> parse_reach(std::string_view text);
std::string to_text(const Reach& reach);

// All of it blocks. Several processes may use it at once: changes take turns, and each happens whole or, after a power cut, not at all.
class TenantFolder {
 public:
  explicit TenantFolder(const std::filesystem::path& data) : folder_(data / "tenants") {}

  // By name; folders that are no tenants are left out.
  Result<std::vector<Tenant>> list() const;
  Result<Tenant> find(const std::string& name) const;  // kTenantName, kNoSuchTenant
  std::filesystem::path path_of(const std::string& name) const { return folder_ / name; }

  // With an empty store, and in it the digest of the secret for the first administrator's link, which is returned. host may be empty.
  // Errors: kTenantName, kTenantHost (it is no host name, is DOMAIN or under it, or another tenant has it), kTenantExists, kTenantsOff.
  Result<std::string> add(const std::string& name, const std::string& host, Clock& clock, Random& random,
                          const fleet::Limits& limits = {}) const;
  // Another link in place of that one. Errors: kNoSuchTenant, kTenantSettled once there is an administrator.
  Result<std::string> renew_link(const std::string& name, Random& random) const;
  // A suspended tenant is served to nobody and keeps everything. Errors: kNoSuchTenant.
  Result<> set_suspended(const std::string& name, bool suspended) const;
  // With what the object says in place of what was, as fleet::changed_limits(). Errors: kNoSuchTenant, kQuotaWrong, kBadJson.
  Result<fleet::Limits> change_limits(const std::string& name, const Json& change) const;
  // Where its people sign in besides with passwords: a copy of the file (docs/single-sign-on.md), which the caller has looked at; empty:
  // nowhere. Errors: kNoSuchTenant, file errors.
  Result<> set_sign_on(const std::string& name, const std::filesystem::path& settings) const;
  static std::filesystem::path sign_on_in(const std::filesystem::path& tenant) { return tenant / "sso.toml"; }
  // It is gone once this has returned, with all that it had. Errors: kNoSuchTenant.
  Result<> remove(const std::string& name, Random& random) const;
  // As fleet::back_up and fleet::restore, with its trust anchors and its identity provider; the tenant that a backup becomes must not be
  // there. Its host, its quotas and whether it is suspended are not taken from the backup.
  Result<fleet::BackupReport> back_up(const std::string& name, const std::filesystem::path& to) const;
  Result<fleet::BackupReport> restore(const std::string& name, const std::string& host, const std::filesystem::path& from, Clock& clock,
                                      Random& random, const fleet::Limits& limits = {}) const;

  // All of them, as to/tenants/NAME, and back: with their hosts, quotas, trust anchors, and suspended where they are. What is copied by the
  // first is for each of them a backup as of back_up(). How many there are. Errors: as of these, naming the tenant.
  Result<std::size_t> back_up_all(const std::filesystem::path& to) const;
  Result<std::size_t> restore_all(const std::filesystem::path& from) const;

  // Written by each start of the server. Errors of reach(): kTenantsOff when no server has been started for tenants.
  Result<> keep_reach(const Reach& reach) const;
  Result<Reach> reach() const;
  // What interrupted changes have left.
  Result<> sweep() const;

 private:
  Result<Fd> take_turn() const;
  Result<> check_new(const std::string& name, const std::string& host) const;
  std::filesystem::path aside(Random& random) const;
  Result<> settle(const std::filesystem::path& made, const Tenant& tenant) const;
  std::filesystem::path folder_;
};

}  // namespace aloft::server
