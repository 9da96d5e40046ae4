// Releases in the SQLite store.
#include <algorithm>

#include "fleet/errors.hpp"
#include "fleet/sqlite_rollouts.hpp"
#include "fleet/sqlite_rows.hpp"
#include "fleet/sqlite_store.hpp"

namespace aloft::fleet {
namespace {

#define ALOFT_RELEASE_COLUMNS                                                                                                          \
  "id,product,hardware,version,security_version,description,size_bytes,sha256,manifest_sha256,signers,verified,created_ms,created_by," \
  "format,file_name,sha1,md5,contents,must_pass"

constexpr std::uint64_t kForgottenAtOnce = 2000;  // deployments

Release release_row(const Statement& row) {
  return {.id = row.number(0),
          .product = row.text(1),
          .hardware = from_list(row.text(2)),
          .version = row.text(3),
          .security_version = row.number(4),
          .description = row.text(5),
          .size_bytes = row.number(6),
          .sha256 = row.digest(7),
          .manifest_sha256 = row.digest(8),
          .signers = from_list(row.text(9)),
          .verified = row.number(10) != 0,
          .must_pass = row.number(18) != 0,
          .format = static_cast<ReleaseFormat>(row.number(13)),
          .file_name = row.text(14),
          .sha1 = row.text(15),
          .md5 = row.text(16),
          .contents = row.text(17),
          .created_ms = row.number(11),
          .created_by = row.text(12)};
}

Result<std::optional<Release>> find_release_of(Database& database, const Digest& sha256) {
  Statement statement = TRY(database.query("SELECT " ALOFT_RELEASE_COLUMNS " FROM releases WHERE sha256=?1", sha256));
  if (!TRY(statement.step())) return std::nullopt;
  return release_row(statement);
}

Result<Release> insert_release(Database& database, const Release& release) {
  if (auto known = TRY(find_release_of(database, release.sha256))) return *std::move(known);
  TRY(database.run(
      "INSERT INTO releases(product,hardware,version,security_version,description,size_bytes,sha256,manifest_sha256,signers,"
      "verified,created_ms,created_by,format,file_name,sha1,md5,contents) "
      "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17)",
      release.product, as_list(release.hardware), release.version, release.security_version, release.description, release.size_bytes,
      release.sha256, release.manifest_sha256, as_list(release.signers), std::uint64_t{release.verified ? 1U : 0U}, release.created_ms,
      release.created_by, static_cast<std::uint64_t>(release.format), release.file_name, release.sha1, release.md5, release.contents));
  return find_release(database, database.last_id());
}

Result<> begin_deleting(Database& database, std::uint64_t id) {
  TRY(find_release(database, id));
  Statement rollouts = TRY(database.query("SELECT id FROM rollouts WHERE " ALOFT_ROLLOUT_UNDER_WAY
                                          " AND (release=?1 OR json_extract(plan,'$.rollback_release')=?1) LIMIT 1",
                                          id));
  if (TRY(rollouts.step()))
    return fail(kReleaseInUse, "rollout " + std::to_string(rollouts.number(0)) + " still needs release " + std::to_string(id) +
                                   "; finish or abort it first");
  return database.run("UPDATE releases SET deleting=1 WHERE id=?1", id);
}

}  // namespace

std::string as_list(const std::vector<std::string>& texts) { return Json(texts).dump(-1, ' ', false, Json::error_handler_t::replace); }

std::vector<std::string> from_list(const std::string& text) {
  std::vector<std::string> texts;
  const Result<Json> json = parse_json(text);
  if (json && json->is_array())
    for (const Json& element : *json)
      if (element.is_string()) texts.push_back(element.get<std::string>());
  return texts;
}

Result<Release> find_release(Database& database, std::uint64_t id) {
  Statement statement = TRY(database.query("SELECT " ALOFT_RELEASE_COLUMNS " FROM releases WHERE id=?1 AND NOT deleting", id));
  if (!TRY(statement.step())) return fail(kReleaseUnknown, "there is no release " + std::to_string(id));
  return release_row(statement);
}

Result<std::optional<Release>> find_stone(Database& database, const Device& device, std::uint64_t device_id, std::uint64_t rollout,
                                          const Release& target) {
  Statement row = TRY(database.query(
      "SELECT " ALOFT_RELEASE_COLUMNS
      " FROM releases r WHERE must_pass AND NOT deleting AND product=?1 AND version COLLATE aloft_natural>?2 AND version COLLATE "
      "aloft_natural<?3 AND EXISTS(SELECT 1 FROM json_each(r.hardware) WHERE value=?4) AND NOT EXISTS(SELECT 1 FROM "
      "deployments p WHERE p.device=?5 AND p.rollout=?6 AND p.release=r.id AND p.state=8) "
      "ORDER BY version COLLATE aloft_natural LIMIT 1",
      target.product, device.version, target.version, device.hardware, device_id, rollout));
  if (!TRY(row.step())) return std::nullopt;
  return release_row(row);
}

void SqliteStore::set_must_pass(std::uint64_t id, bool must_pass, Done<Release> done) {
  writer_.submit<Release>(
      [id, must_pass](Database& database) -> Result<Release> {
        TRY(database.run("UPDATE releases SET must_pass=?2 WHERE id=?1", id, std::uint64_t{must_pass}));
        return find_release(database, id);
      },
      std::move(done));
}

Result<std::vector<Release>> SqliteStore::releases(const ReleaseQuery& query) {
  const std::lock_guard lock(reader_mutex_);
  const std::uint64_t before = std::min<std::uint64_t>(query.before, INT64_MAX);
  const std::uint64_t limit = query.limit;
  Statement statement =
      TRY(reader_.query("SELECT " ALOFT_RELEASE_COLUMNS
                        " FROM releases WHERE NOT deleting AND id<?1 AND (?3 IS NULL OR product=?3) AND (?4 IS NULL OR version=?4) "
                        "ORDER BY id DESC LIMIT ?2",
                        before, limit, query.product, query.version));
  std::vector<Release> releases;
  while (TRY(statement.step())) releases.push_back(release_row(statement));
  return releases;
}

Result<Release> SqliteStore::release(std::uint64_t id) {
  const std::lock_guard lock(reader_mutex_);
  return find_release(reader_, id);
}

Result<std::optional<Release>> SqliteStore::release_of(const Digest& sha256) {
  const std::lock_guard lock(reader_mutex_);
  return find_release_of(reader_, sha256);
}

void SqliteStore::add_release(Release release, Done<Release> done) {
  writer_.submit<Release>([this, release = std::move(release)](
                              Database& database) { return quotas_.within(database, [&] { return insert_release(database, release); }); },
                          std::move(done));
}

void SqliteStore::complete_release(std::uint64_t id, ReleaseDigests digests, Done<Release> done) {
  writer_.submit<Release>(
      [id, digests = std::move(digests)](Database& database) -> Result<Release> {
        TRY(database.run("UPDATE releases SET file_name=?2,sha1=?3,md5=?4 WHERE id=?1", id, digests.file_name, digests.sha1, digests.md5));
        return find_release(database, id);
      },
      std::move(done));
}

void SqliteStore::begin_delete_release(std::uint64_t id, Done<> done) {
  writer_.submit<void>([id](Database& database) { return begin_deleting(database, id); }, std::move(done));
}

Result<> SqliteStore::check_deletable(std::uint64_t id) {
  const std::lock_guard lock(bulk_mutex_);
  Statement row = TRY(bulk_reader_.query("SELECT id FROM deployments WHERE release=?1 AND active LIMIT 1", id));
  if (!TRY(row.step())) return {};
  return fail(kReleaseInUse,
              "deployment " + std::to_string(row.number(0)) + " still needs release " + std::to_string(id) + "; wait for it or cancel it");
}

void SqliteStore::keep_release(std::uint64_t id, Done<> done) {
  writer_.submit<void>([id](Database& database) { return database.run("UPDATE releases SET deleting=0 WHERE id=?1", id); },
                       std::move(done));
}

void SqliteStore::forget_release(std::uint64_t id, Done<bool> done) {
  writer_.submit<bool>(
      [id](Database& database) -> Result<bool> {
        TRY(database.run("UPDATE deployments SET release=NULL WHERE id IN (SELECT id FROM deployments WHERE release=?1 LIMIT ?2)", id,
                         kForgottenAtOnce));
        return database.changed_rows() == kForgottenAtOnce;
      },
      std::move(done));
}

void SqliteStore::end_delete_release(std::uint64_t id, Done<DeletedRelease> done) {
  writer_.submit<DeletedRelease>(
      [id](Database& database) -> Result<DeletedRelease> {
        DeletedRelease deleted;
        {
          Statement row = TRY(database.query("SELECT sha256 FROM releases WHERE id=?1 AND deleting", id));
          if (!TRY(row.step())) return fail(kReleaseUnknown, "release " + std::to_string(id) + " is not being deleted");
          deleted.sha256 = row.digest(0);
        }
        deleted.deltas = TRY(forget_deltas(database, id));
        TRY(database.run("DELETE FROM releases WHERE id=?1", id));
        return deleted;
      },
      std::move(done));
}

Result<std::vector<std::uint64_t>> SqliteStore::releases_being_deleted() {
  const std::lock_guard lock(reader_mutex_);
  Statement row = TRY(reader_.query("SELECT id FROM releases WHERE deleting"));
  std::vector<std::uint64_t> ids;
  while (TRY(row.step())) ids.push_back(row.number(0));
  return ids;
}

}  // namespace aloft::fleet
