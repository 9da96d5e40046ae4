#include "server/tenant_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <initializer_list>

#include "base/errors.hpp"
#include "base/handover.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/unix_time.hpp"
#include "fleet/sqlite_store.hpp"
#include "server/credentials.hpp"
#include "server/errors.hpp"
#include "server/session_api.hpp"
#include "server/tenant_name.hpp"

namespace aloft::server {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCard = "tenant.json";
constexpr const char* kSuspended = "suspended";
constexpr const char* kTrust = "trust";
constexpr const char* kSignOn = "sso.toml";
constexpr const char* kReach = "service.json";
constexpr const char* kAside = ".aside-";  // on the way in, or out
constexpr std::uint64_t kMaxCardBytes = 4096;
constexpr std::uint64_t kMaxSignOnBytes = 64U << 10;

Result<> make_folder(const fs::path& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return fail(system_error("cannot make folder", path, errno));
}

Result<> flush_folder(const fs::path& path) {
  const Fd fd = TRY(open_file(path, O_RDONLY | O_DIRECTORY));
  if (::fsync(fd.get()) != 0) return fail(system_error("cannot flush", path, errno));
  return {};
}

Result<> rename_durably(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return fail(system_error("cannot rename", from, errno));
  return flush_folder(to.parent_path());
}

Result<> erase_folder(const fs::path& path) {
  std::error_code problem;
  fs::remove_all(path, problem);
  if (problem) return fail(kIo, "cannot delete " + path.string() + ": " + problem.message());
  return {};
}

// What stays is swept at the next start.
void discard(const fs::path& made) {
  if (const auto erased = erase_folder(made); !erased) log::warning(erased.error().text());
}

Result<Tenant> read_tenant(const fs::path& folder) {
  Tenant tenant = TRY(parse_card(TRY(read_file(folder / kCard, kMaxCardBytes))));
  tenant.name = folder.filename().string();
  struct stat info{};
  if (::stat(folder.c_str(), &info) != 0) return fail(system_error("cannot read", folder, errno));
  tenant.inode = info.st_ino;
  struct stat sign_on{};
  if (::stat((folder / kSignOn).c_str(), &sign_on) == 0)
    tenant.sign_on = sign_on.st_ino ^ (static_cast<std::uint64_t>(sign_on.st_mtim.tv_sec) * 1'000'000'000 +
                                       static_cast<std::uint64_t>(sign_on.st_mtim.tv_nsec));
  tenant.suspended = ::access((folder / kSuspended).c_str(), F_OK) == 0;
  return tenant;
}

Tenant fresh_tenant(const std::string& name, const std::string& host, Clock& clock, const fleet::Limits& limits) {
  return {.name = name, .host = host, .created_ms = unix_ms(clock.now()), .limits = limits};
}

// It is the server's before it has its name: a server that looks meanwhile sees the old file or the new one.
Result<> put_file(const fs::path& folder, const char* name, const std::string& text) {
  const fs::path fresh = folder / (std::string(name) + ".new");
  TRY(replace_file(fresh, text, 0600));
  TRY(hand_over(fresh));
  return rename_durably(fresh, folder / name);
}

Result<> flush_below(const fs::path& path) {
  std::error_code problem;
  if (!fs::is_directory(path, problem)) {
    const Fd fd = TRY(open_file(path, O_RDONLY));
    if (::fsync(fd.get()) != 0) return fail(system_error("cannot flush", path, errno));
    return {};
  }
  for (const auto& entry : fs::directory_iterator(path, problem)) TRY(flush_below(entry.path()));
  if (problem) return fail(kIo, "cannot list " + path.string() + ": " + problem.message());
  return flush_folder(path);
}

// What a tenant has beside what fleet::back_up() copies: what of it is there.
Result<> copy_these(std::initializer_list<const char*> names, const fs::path& from, const fs::path& to) {
  for (const char* name : names) {
    std::error_code problem;
    if (!fs::exists(from / name, problem)) continue;
    fs::copy(from / name, to / name, fs::copy_options::recursive, problem);
    if (problem) return fail(kIo, "cannot copy " + (from / name).string() + ": " + problem.message());
    TRY(flush_below(to / name));
  }
  return flush_folder(to);
}

Result<> copy_rest(const fs::path& from, const fs::path& to) { return copy_these({kCard, kSuspended, kTrust, kSignOn}, from, to); }

// Of a tenant that may come back as another: whom it trusts and where its people sign in, not what the service says of it.
Result<> copy_own(const fs::path& from, const fs::path& to) { return copy_these({kTrust, kSignOn}, from, to); }

std::unexpected<Error> of_tenant(const std::string& name, Error error) {
  error.message = "tenant " + name + ": " + error.message;
  return fail(std::move(error));
}

Result<> put_link(const fs::path& database_file, const std::string& secret) {
  auto database = TRY(fleet::Database::open(database_file, fleet::Database::Access::read_write));
  return database.run("INSERT INTO settings(key,value) VALUES(?1,?2) ON CONFLICT(key) DO UPDATE SET value=excluded.value", kSetupSetting,
                      to_hex(hash_of(secret)));
}

}  // namespace

Result<Tenant> parse_card(std::string_view text) {
  const Json json = TRY(parse_json(text));
  auto object = TRY(JsonObject::of(json, "tenant"));
  Tenant tenant;
  tenant.host = TRY(object.text("host"));
  tenant.created_ms = TRY(object.number("created_ms"));
  if (const Json* const quotas = TRY(object.optional_object("quotas")); quotas != nullptr)
    tenant.limits = TRY(fleet::changed_limits({}, *quotas));
  return tenant;
}

std::string card_of(const Tenant& tenant) {
  Json card{{"host", tenant.host}, {"created_ms", tenant.created_ms}};
  if (!tenant.limits.none()) card["quotas"] = to_json(tenant.limits);
  return card.dump() + "\n";
}

Result<Reach> parse_reach(std::string_view text) {
  const Json json = TRY(parse_json(text));
  auto object = TRY(JsonObject::of(json, "service"));
  Reach reach;
  reach.scheme = TRY(object.text("scheme"));
  reach.domain = TRY(object.text("domain"));
  reach.port = TRY(object.text("port"));
  reach.certificate_sha256 = TRY(object.text("certificate_sha256"));
  return reach;
}

std::string to_text(const Reach& reach) {
  const Json json{
      {"scheme", reach.scheme}, {"domain", reach.domain}, {"port", reach.port}, {"certificate_sha256", reach.certificate_sha256}};
  return json.dump() + "\n";
}

std::string Reach::url_of(const Tenant& tenant) const {
  return scheme + "://" + (tenant.host.empty() ? tenant.name + "." + domain : tenant.host) + port;
}

std::string Reach::setup_token(const std::string& secret) const {
  return certificate_sha256.empty() ? secret : secret + "." + certificate_sha256;
}

Result<std::vector<Tenant>> TenantFolder::list() const {
  std::vector<Tenant> tenants;
  std::error_code problem;
  fs::directory_iterator at(folder_, problem);
  if (problem == std::errc::no_such_file_or_directory) return tenants;
  for (; !problem && at != fs::directory_iterator(); at.increment(problem)) {
    if (!check_tenant_name(at->path().filename().string())) continue;
    auto tenant = read_tenant(at->path());
    if (tenant) tenants.push_back(*std::move(tenant));
  }
  if (problem) return fail(kIo, "cannot list " + folder_.string() + ": " + problem.message());
  std::ranges::sort(tenants, {}, &Tenant::name);
  return tenants;
}

Result<Tenant> TenantFolder::find(const std::string& name) const {
  TRY(check_tenant_name(name));
  auto tenant = read_tenant(path_of(name));
  if (!tenant) return fail(kNoSuchTenant, "there is no tenant " + name);
  return tenant;
}

Result<Fd> TenantFolder::take_turn() const {
  TRY(make_folder(folder_));
  TRY(hand_over(folder_));  // now: it stays when the change is refused
  Fd lock = TRY(open_file(folder_ / "lock", O_RDWR | O_CREAT, 0600));
  TRY(hand_over(folder_ / "lock"));
  while (::flock(lock.get(), LOCK_EX) != 0)
    if (errno != EINTR) return fail(system_error("cannot lock", folder_ / "lock", errno));
  return lock;
}

fs::path TenantFolder::aside(Random& random) const {
  std::array<std::byte, 8> bytes{};
  random.fill(bytes);
  return folder_ / (kAside + to_hex(bytes));
}

Result<> TenantFolder::check_new(const std::string& name, const std::string& host) const {
  TRY(check_tenant_name(name));
  const Reach reach = TRY(this->reach());
  if (!host.empty()) {
    TRY(check_host_name(host));
    if (host == reach.domain || !label_under(host, reach.domain).empty())
      return fail(kTenantHost, "a tenant's own host must not be " + reach.domain + " or under it: it is NAME." + reach.domain + " already");
  }
  for (const Tenant& tenant : TRY(list())) {
    if (tenant.name == name) return fail(kTenantExists, "there is a tenant " + name + " already");
    if (!host.empty() && tenant.host == host) return fail(kTenantHost, "the host " + host + " belongs to tenant " + tenant.name);
  }
  return {};
}

// The last step of making one: after it, it is there.
Result<> TenantFolder::settle(const fs::path& made, const Tenant& tenant) const {
  TRY(put_file(made, kCard, card_of(tenant)));
  TRY(hand_over(made));
  TRY(hand_over_below(made));
  TRY(flush_folder(made));
  return rename_durably(made, path_of(tenant.name));
}

Result<std::string> TenantFolder::add(const std::string& name, const std::string& host, Clock& clock, Random& random,
                                      const fleet::Limits& limits) const {
  TRY(check_tenant_name(name));
  const Fd turn = TRY(take_turn());
  TRY(check_new(name, host));
  const fs::path made = aside(random);
  std::string secret = new_secret(random);
  const auto fill = [&]() -> Result<> {
    TRY(make_folder(made));
    TRY(fleet::SqliteStore::open(made / "fleet.db"));
    TRY(put_link(made / "fleet.db", secret));
    return settle(made, fresh_tenant(name, host, clock, limits));
  };
  const Result<> filled = fill();
  if (filled) return secret;
  discard(made);
  return std::unexpected(filled.error());
}

Result<std::string> TenantFolder::renew_link(const std::string& name, Random& random) const {
  const Fd turn = TRY(take_turn());
  TRY(find(name));
  const fs::path file = path_of(name) / "fleet.db";
  auto database = TRY(fleet::Database::open(file, fleet::Database::Access::read_only));
  {
    auto row = TRY(database.query("SELECT count(*) FROM users"));
    if (TRY(row.step()) && row.number(0) != 0)
      return fail(kTenantSettled, "tenant " + name + " has an administrator already, who can make others");
  }
  std::string secret = new_secret(random);
  TRY(put_link(file, secret));
  return secret;
}

Result<> TenantFolder::set_suspended(const std::string& name, bool suspended) const {
  const Fd turn = TRY(take_turn());
  TRY(find(name));
  if (suspended) return put_file(path_of(name), kSuspended, "");
  const fs::path mark = path_of(name) / kSuspended;
  if (::unlink(mark.c_str()) != 0 && errno != ENOENT) return fail(system_error("cannot delete", mark, errno));
  return flush_folder(path_of(name));
}

Result<fleet::Limits> TenantFolder::change_limits(const std::string& name, const Json& change) const {
  const Fd turn = TRY(take_turn());
  Tenant tenant = TRY(find(name));
  tenant.limits = TRY(fleet::changed_limits(tenant.limits, change));
  TRY(put_file(path_of(name), kCard, card_of(tenant)));
  return tenant.limits;
}

Result<> TenantFolder::set_sign_on(const std::string& name, const fs::path& settings) const {
  const std::string text = settings.empty() ? "" : TRY(read_file(settings, kMaxSignOnBytes));
  const Fd turn = TRY(take_turn());
  TRY(find(name));
  if (!settings.empty()) return put_file(path_of(name), kSignOn, text);
  const fs::path file = sign_on_in(path_of(name));
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) return fail(system_error("cannot delete", file, errno));
  return flush_folder(path_of(name));
}

Result<> TenantFolder::remove(const std::string& name, Random& random) const {
  const Fd turn = TRY(take_turn());
  TRY(find(name));
  const fs::path gone = aside(random);
  TRY(rename_durably(path_of(name), gone));
  return erase_folder(gone);
}

Result<fleet::BackupReport> TenantFolder::back_up(const std::string& name, const fs::path& to) const {
  TRY(find(name));
  return fleet::back_up(path_of(name), to, [&] { return copy_own(path_of(name), to); });
}

Result<fleet::BackupReport> TenantFolder::restore(const std::string& name, const std::string& host, const fs::path& from, Clock& clock,
                                                  Random& random, const fleet::Limits& limits) const {
  TRY(check_tenant_name(name));
  const Fd turn = TRY(take_turn());
  TRY(check_new(name, host));
  const fs::path made = aside(random);
  const auto fill = [&]() -> Result<fleet::BackupReport> {
    const fleet::BackupReport report = TRY(fleet::restore(from, made, [&] { return copy_own(from, made); }));
    // A backup of the server's own site has the certificate's key, which is no tenant's.
    for (const char* file : {"tls.key", "tls.pem"}) TRY(erase_folder(made / file));
    TRY(settle(made, fresh_tenant(name, host, clock, limits)));
    return report;
  };
  const auto filled = fill();
  if (!filled) discard(made);
  return filled;
}

Result<std::size_t> TenantFolder::back_up_all(const fs::path& to) const {
  const std::vector<Tenant> tenants = TRY(list());
  if (tenants.empty()) return 0;
  TRY(make_folder(to / folder_.filename()));
  for (const Tenant& tenant : tenants) {
    const fs::path copy = to / folder_.filename() / tenant.name;
    const auto copied = fleet::back_up(path_of(tenant.name), copy, [&] { return copy_rest(path_of(tenant.name), copy); });
    if (!copied) return of_tenant(tenant.name, copied.error());
  }
  TRY(flush_folder(to / folder_.filename()));
  return tenants.size();
}

Result<std::size_t> TenantFolder::restore_all(const fs::path& from) const {
  const std::vector<Tenant> tenants = TRY(TenantFolder(from).list());
  if (tenants.empty()) return 0;
  TRY(make_folder(folder_));
  for (const Tenant& tenant : tenants) {
    const fs::path copy = from / folder_.filename() / tenant.name;
    const auto copied = fleet::restore(copy, path_of(tenant.name), [&] { return copy_rest(copy, path_of(tenant.name)); });
    if (!copied) return of_tenant(tenant.name, copied.error());
  }
  TRY(flush_folder(folder_));
  return tenants.size();
}

Result<> TenantFolder::keep_reach(const Reach& reach) const {
  TRY(make_folder(folder_));
  return replace_file(folder_ / kReach, to_text(reach), 0600);
}

Result<Reach> TenantFolder::reach() const {
  const auto text = read_file(folder_ / kReach, kMaxCardBytes);
  if (!text)
    return fail(kTenantsOff,
                "this server has no tenants: start it with --tenant-domain DOMAIN, which says that NAME.DOMAIN is tenant NAME");
  return parse_reach(*text);
}

Result<> TenantFolder::sweep() const {
  const Fd turn = TRY(take_turn());
  std::error_code problem;
  std::vector<fs::path> left;
  for (const auto& entry : fs::directory_iterator(folder_, problem))
    if (entry.path().filename().string().starts_with(kAside)) left.push_back(entry.path());
  for (const fs::path& path : left) TRY(erase_folder(path));
  return {};
}

}  // namespace aloft::server
