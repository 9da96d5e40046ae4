// Deltas, and what downloads cost, in the SQLite store.
#include <algorithm>
#include <iterator>
#include <map>

#include "fleet/errors.hpp"
#include "fleet/sqlite_rows.hpp"
#include "fleet/sqlite_store.hpp"

namespace aloft::fleet {
namespace {

#define ALOFT_DELTA_COLUMNS "id,release,from_version,hardware,sources,size_bytes,sha256,problem,created_by,created_ms,wanted_ms"

std::string sources_text(const std::vector<protocol::DeltaOffer::Source>& sources) {
  Json json = Json::object();
  for (const auto& source : sources) json[source.image] = source.sha256;
  return json.dump();
}

std::vector<protocol::DeltaOffer::Source> sources_of(const std::string& text) {
  std::vector<protocol::DeltaOffer::Source> sources;
  const Result<Json> json = parse_json(text);
  if (json && json->is_object())
    for (const auto& [image, sha256] : json->items())
      if (sha256.is_string()) sources.push_back({.image = image, .sha256 = sha256.get<std::string>()});
  return sources;
}

Delta delta_row(const Statement& row) {
  return {.id = row.number(0),
          .release = row.number(1),
          .from_version = row.text(2),
          .hardware = from_list(row.text(3)),
          .sources = sources_of(row.text(4)),
          .size_bytes = row.number(5),
          .sha256 = row.digest(6),
          .problem = row.text(7),
          .created_by = row.text(8),
          .created_ms = row.number(9),
          .wanted_ms = row.number(10)};
}

// Those of `files` that no row names.
Result<std::vector<Digest>> unnamed(Database& database, const std::vector<Digest>& files) {
  std::vector<Digest> unused;
  for (const Digest& file : files) {
    Statement users =
        TRY(database.query("SELECT 1 FROM deltas WHERE sha256=?1 UNION ALL SELECT 1 FROM releases WHERE sha256=?1 LIMIT 1", file));
    if (!TRY(users.step())) unused.push_back(file);
  }
  return unused;
}

// The digests of rows that have a file.
Result<std::vector<Digest>> files_in(Statement rows) {
  std::vector<Digest> files;
  while (TRY(rows.step())) files.push_back(rows.digest(0));
  return files;
}

Result<DeltaStore::AddedDelta> insert_delta(Database& database, const Delta& delta) {
  TRY(find_release(database, delta.release));
  const std::string hardware = as_list(delta.hardware);
  Statement before = TRY(database.query("SELECT sha256 FROM deltas WHERE release=?1 AND from_version=?2 AND hardware=?3 AND size_bytes>0",
                                        delta.release, delta.from_version, hardware));
  const std::vector<Digest> replaced = TRY(files_in(std::move(before)));
  // Not by REPLACE, which would not tell the triggers.
  TRY(database.run("DELETE FROM deltas WHERE release=?1 AND from_version=?2 AND hardware=?3", delta.release, delta.from_version, hardware));
  TRY(
      database.run("INSERT INTO deltas(release,from_version,hardware,sources,size_bytes,sha256,problem,created_by,created_ms,"
                   "wanted_ms) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
                   delta.release, delta.from_version, hardware, sources_text(delta.sources), delta.size_bytes, delta.sha256, delta.problem,
                   delta.created_by, delta.created_ms, delta.wanted_ms));
  DeltaStore::AddedDelta added{.delta = delta, .unused = {}};
  added.delta.id = database.last_id();
  added.unused = TRY(unnamed(database, replaced));
  return added;
}

Result<std::vector<Digest>> remove_delta(Database& database, std::uint64_t id) {
  Statement row = TRY(database.query("SELECT sha256 FROM deltas WHERE id=?1 AND size_bytes>0", id));
  const std::vector<Digest> files = TRY(files_in(std::move(row)));
  TRY(database.run("DELETE FROM deltas WHERE id=?1", id));
  if (database.changed_rows() == 0) return fail(kDeltaUnknown, "there is no delta " + std::to_string(id));
  return unnamed(database, files);
}

// Which release is the newest for devices of a product and hardware revision.
class Newest {
 public:
  static Result<Newest> read(Database& database) {
    Newest newest;
    Statement row = TRY(database.query("SELECT id,product,hardware,version FROM releases WHERE format=0 ORDER BY id"));
    while (TRY(row.step()))
      for (const std::string& hardware : from_list(row.text(2))) newest.releases_[{row.text(1), hardware}] = {row.number(0), row.text(3)};
    return newest;
  }
  // None where they run it.
  std::optional<std::uint64_t> for_devices(const DeltaWant& devices) const {
    const auto found = releases_.find({devices.product, devices.hardware});
    if (found == releases_.end() || found->second.version == devices.version) return std::nullopt;
    return found->second.id;
  }

 private:
  struct Named {
    std::uint64_t id;
    std::string version;
  };
  std::map<std::pair<std::string, std::string>, Named> releases_;
};

Result<std::vector<DeltaWant>> assigned_wants(Database& database) {
  std::vector<DeltaWant> wants;
  Statement row =
      TRY(database.query("WITH wanted(release,device,waiting) AS ("
                         "SELECT release,device,state IN (0,1,11) FROM deployments WHERE active AND release IS NOT NULL UNION ALL "
                         "SELECT r.release,m.device,1 FROM rollouts r JOIN rollout_devices m ON m.rollout=r.id "
                         "WHERE r.state<6 AND r.release IS NOT NULL AND m.state=0) "
                         "SELECT w.release,d.product,d.version,d.hardware,count(*),sum(w.waiting) FROM wanted w "
                         "JOIN devices d ON d.id=w.device JOIN releases t ON t.id=w.release "
                         "WHERE d.status=1 AND d.protocol=0 AND t.format=0 AND d.version<>t.version GROUP BY 1,2,3,4"));
  while (TRY(row.step()))
    wants.push_back({.release = row.number(0),
                     .product = row.text(1),
                     .version = row.text(2),
                     .hardware = row.text(3),
                     .devices = row.number(4),
                     .waiting = row.number(5),
                     .assigned = true});
  return wants;
}

}  // namespace

Result<std::vector<Digest>> forget_deltas(Database& database, std::uint64_t release) {
  Statement rows = TRY(database.query("SELECT sha256 FROM deltas WHERE release=?1 AND size_bytes>0", release));
  const std::vector<Digest> files = TRY(files_in(std::move(rows)));
  TRY(database.run("DELETE FROM deltas WHERE release=?1", release));
  return unnamed(database, files);
}

Result<> note_download(Database& database, std::uint64_t deployment, const protocol::Download& download) {
  TRY(
      database.run("UPDATE downloads SET deployments=deployments-1,fetched_bytes=downloads.fetched_bytes-p.fetched_bytes,"
                   "saved_bytes=downloads.saved_bytes-p.saved_bytes FROM deployments p WHERE p.id=?1 AND downloads.method=p.method",
                   deployment));
  TRY(database.run("UPDATE deployments SET method=?2,fetched_bytes=?3,saved_bytes=?4 WHERE id=?1", deployment,
                   protocol::to_string(download.method), download.fetched_bytes, download.saved_bytes));
  return database.run(
      "INSERT INTO downloads VALUES(?1,1,?2,?3) ON CONFLICT(method) DO UPDATE SET deployments=deployments+1,"
      "fetched_bytes=fetched_bytes+excluded.fetched_bytes,saved_bytes=saved_bytes+excluded.saved_bytes",
      protocol::to_string(download.method), download.fetched_bytes, download.saved_bytes);
}

Result<std::vector<Delta>> SqliteStore::deltas() {
  const std::lock_guard lock(reader_mutex_);
  Statement row = TRY(reader_.query("SELECT " ALOFT_DELTA_COLUMNS " FROM deltas ORDER BY id"));
  std::vector<Delta> deltas;
  while (TRY(row.step())) deltas.push_back(delta_row(row));
  return deltas;
}

void SqliteStore::add_delta(Delta delta, Done<AddedDelta> done) {
  writer_.submit<AddedDelta>([this, delta = std::move(delta)](
                                 Database& database) { return quotas_.within(database, [&] { return insert_delta(database, delta); }); },
                             std::move(done));
}

void SqliteStore::delete_delta(std::uint64_t id, Done<std::vector<Digest>> done) {
  writer_.submit<std::vector<Digest>>([id](Database& database) { return remove_delta(database, id); }, std::move(done));
}

void SqliteStore::note_deltas_wanted(std::vector<std::uint64_t> ids, std::uint64_t now_ms, Done<> done) {
  writer_.submit<void>(
      [ids = std::move(ids), now_ms](Database& database) -> Result<> {
        for (const std::uint64_t id : ids) TRY(database.run("UPDATE deltas SET wanted_ms=?2 WHERE id=?1", id, now_ms));
        return {};
      },
      std::move(done));
}

Result<std::vector<DeltaWant>> SqliteStore::delta_wants() {
  const std::lock_guard lock(bulk_mutex_);
  std::vector<DeltaWant> wants = TRY(assigned_wants(bulk_reader_));
  const auto assigned = static_cast<std::ptrdiff_t>(wants.size());
  const Newest newest = TRY(Newest::read(bulk_reader_));
  Statement row = TRY(bulk_reader_.query(
      "SELECT product,version,hardware,count(*) FROM devices WHERE status=1 AND protocol=0 GROUP BY product,hardware,version"));
  while (TRY(row.step())) {
    DeltaWant want{.product = row.text(0), .version = row.text(1), .hardware = row.text(2), .devices = row.number(3)};
    const auto release = newest.for_devices(want);
    if (!release) continue;
    want.release = *release;
    want.waiting = want.devices;
    const bool known = std::any_of(wants.begin(), wants.begin() + assigned, [&want](const DeltaWant& other) {
      return other.release == want.release && other.product == want.product && other.version == want.version &&
             other.hardware == want.hardware;
    });
    if (!known) wants.push_back(std::move(want));
  }
  return wants;
}

Result<std::vector<DownloadTotal>> SqliteStore::downloads(std::optional<std::uint64_t> release) {
  const std::lock_guard lock(reader_mutex_);
  Statement row = TRY(release ? reader_.query("SELECT method,count(*),sum(fetched_bytes),sum(saved_bytes) FROM deployments "
                                              "WHERE release=?1 AND method IS NOT NULL GROUP BY method",
                                              *release)
                              : reader_.query("SELECT method,deployments,fetched_bytes,saved_bytes FROM downloads"));
  std::vector<DownloadTotal> totals;
  while (TRY(row.step()))
    totals.push_back({.method = protocol::download_method_of(row.text(0)),
                      .deployments = row.number(1),
                      .fetched_bytes = row.number(2),
                      .saved_bytes = row.number(3)});
  std::ranges::sort(totals, {}, &DownloadTotal::method);
  return totals;
}

}  // namespace aloft::fleet
