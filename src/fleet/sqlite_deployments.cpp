// Deployments, their transitions and logs in the SQLite store.
#include <algorithm>
#include <set>

#include "fleet/errors.hpp"
#include "fleet/sqlite_rollouts.hpp"
#include "fleet/sqlite_rows.hpp"
#include "fleet/sqlite_store.hpp"

namespace aloft::fleet {
namespace {

#define ALOFT_DEPLOYMENT_QUERY                                                                                                     \
  "SELECT p.id,d.name,p.release,p.version,p.artifact_sha256,p.artifact_size_bytes,p.state,p.error,p.message,p.progress_permille,"  \
  "p.created_ms,p.created_by,p.changed_ms,EXISTS(SELECT 1 FROM logs WHERE deployment=p.id),p.device,p.rollout,p.policy,p.closing," \
  "p.method,p.fetched_bytes,p.saved_bytes "                                                                                        \
  "FROM deployments p JOIN devices d ON d.id=p.device "

protocol::InstallPolicy policy_of(const std::string& text) {
  const Result<Json> json = parse_json(text);
  if (!json) return {};
  return protocol::from_json<protocol::InstallPolicy>(*json).value_or(protocol::InstallPolicy{});
}

Deployment deployment_row(const Statement& row) {
  std::optional<protocol::Download> download;
  if (const std::string method = row.text(18); !method.empty())
    download =
        protocol::Download{.method = protocol::download_method_of(method), .fetched_bytes = row.number(19), .saved_bytes = row.number(20)};
  return {.id = row.number(0),
          .device = row.text(1),
          .device_id = row.number(14),
          .rollout = row.optional_number(15),
          .policy = policy_of(row.text(16)),
          .release = row.optional_number(2),
          .version = row.text(3),
          .artifact_sha256 = row.digest(4),
          .artifact_size_bytes = row.number(5),
          .state = static_cast<UpdateState>(row.number(6)),
          .error = row.number(7),
          .message = row.text(8),
          .progress_permille = row.optional_number(9),
          .download = download,
          .created_ms = row.number(10),
          .created_by = row.text(11),
          .changed_ms = row.number(12),
          .has_log = row.number(13) != 0,
          .closing = static_cast<Closing>(row.number(17))};
}

// A transition of the server's own.
Result<> note(Database& database, std::uint64_t deployment, UpdateState state, const std::string& message, std::uint64_t now_ms) {
  return database.run("INSERT INTO transitions(deployment,sequence,time_ms,received_ms,state,error,message) VALUES(?1,NULL,?2,?2,?3,0,?4)",
                      deployment, now_ms, number_of(state), message);
}

Result<> check_may_have(const Device& device, const Release& release) {
  if (device.status == DeviceStatus::pending)
    return fail(kDevicePending, "device " + device.name + " waits for acceptance; accept it first");
  if (device.status == DeviceStatus::rejected) return fail(kDeviceRejected, "device " + device.name + " is rejected; accept it first");
  if (device.deployment)
    return fail(kDeviceBusy, "device " + device.name + " has the unfinished deployment " + std::to_string(*device.deployment) +
                                 "; wait for it or cancel it");
  return check_fit(release, device);
}

Result<std::vector<Deployment>> deploy(Database& database, const NewDeployments& request) {
  const Release release = TRY(find_release(database, request.release));
  std::vector<Deployment> made;
  for (const std::string& name : request.devices) {
    const Device device = TRY(find_device(database, name));
    TRY(check_may_have(device, release));
    TRY(database.run(
        "INSERT INTO deployments(device,release,version,artifact_sha256,artifact_size_bytes,state,created_ms,created_by,changed_ms,"
        "policy) SELECT id,?2,?3,?4,?5,?6,?7,?8,?7,?9 FROM devices WHERE name=?1",
        name, release.id, release.version, release.sha256, release.size_bytes, number_of(UpdateState::offered), request.now_ms,
        request.created_by, protocol::to_json(request.policy).dump()));
    const std::uint64_t id = database.last_id();
    TRY(note(database, id, UpdateState::offered, "", request.now_ms));
    made.push_back(TRY(find_deployment(database, id)));
  }
  return made;
}

Result<Deployment> cancel(Database& database, std::uint64_t id, const std::string& by, std::uint64_t now_ms) {
  const Deployment present = TRY(find_deployment(database, id));
  if (protocol::is_final(present.state))
    return fail(kDeploymentFinished,
                "deployment " + std::to_string(id) + " is finished (" + std::string(protocol::to_string(present.state)) + ")");
  const std::string message = "cancelled by " + by;
  TRY(database.run("UPDATE deployments SET state=?2,error=0,message=?3,active=0,changed_ms=?4 WHERE id=?1", id,
                   number_of(UpdateState::cancelled), message, now_ms));
  TRY(note(database, id, UpdateState::cancelled, message, now_ms));
  TRY(follow_in_rollout(database, id, UpdateState::cancelled, now_ms));
  return find_deployment(database, id);
}

enum class Applied : std::uint8_t { stored, known, unknown };

Result<Applied> apply_one(Database& database, const ReportBatch& batch, const protocol::Report& report) {
  Statement owner =
      TRY(database.query("SELECT p.state,p.last_sequence FROM deployments p JOIN devices d ON d.id=p.device WHERE p.id=?1 AND d.name=?2",
                         report.deployment, batch.device));
  if (!TRY(owner.step())) return Applied::unknown;
  const auto present = static_cast<UpdateState>(owner.number(0));
  const std::uint64_t last_sequence = owner.number(1);
  TRY(
      database.run("INSERT INTO transitions(deployment,sequence,time_ms,received_ms,state,error,message,progress_permille) "
                   "VALUES(?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT DO NOTHING",
                   report.deployment, report.sequence, report.time_ms, batch.received_ms, number_of(report.state), report.error,
                   report.message, report.progress_permille));
  if (database.changed_rows() == 0) return Applied::known;
  if (report.sequence <= last_sequence) return Applied::stored;
  if (report.download) TRY(note_download(database, report.deployment, *report.download));
  if (replaces(present, report.state)) {
    TRY(database.run("UPDATE deployments SET state=?2,error=?3,message=?4,progress_permille=?5,active=?6,changed_ms=?7 WHERE id=?1",
                     report.deployment, number_of(report.state), report.error, report.message, report.progress_permille,
                     std::uint64_t{protocol::is_final(report.state) ? 0U : 1U}, batch.received_ms));
    TRY(follow_in_rollout(database, report.deployment, report.state, batch.received_ms));
  }
  TRY(database.run("UPDATE deployments SET last_sequence=?2 WHERE id=?1", report.deployment, report.sequence));
  return Applied::stored;
}

Result<ReportOutcome> apply(Database& database, const ReportBatch& batch) {
  ReportOutcome outcome;
  std::set<std::uint64_t> touched;
  for (const protocol::Report& report : batch.reports.reports) {
    const Applied applied = TRY(apply_one(database, batch, report));
    outcome.stored += applied == Applied::stored ? 1 : 0;
    outcome.unknown += applied == Applied::unknown ? 1 : 0;
    if (applied == Applied::stored) touched.insert(report.deployment);
  }
  for (const std::uint64_t id : touched) outcome.changed.push_back(TRY(find_deployment(database, id)));
  const protocol::Problem problem = batch.reports.problem.value_or(protocol::Problem{});
  TRY(database.run("UPDATE devices SET version=?2 WHERE name=?1 AND version<>?2", batch.device, batch.reports.version));
  outcome.version_changed = database.changed_rows() != 0;
  if (outcome.version_changed) TRY(refresh_groups(database, batch.device));
  TRY(database.run("UPDATE devices SET last_seen_ms=?2,problem_error=?3,problem=?4 WHERE name=?1", batch.device, batch.received_ms,
                   problem.error, problem.message));
  return outcome;
}

}  // namespace

Result<Deployment> find_deployment(Database& database, std::uint64_t id) {
  Statement statement = TRY(database.query(ALOFT_DEPLOYMENT_QUERY "WHERE p.id=?1", id));
  if (!TRY(statement.step())) return fail(kDeploymentUnknown, "there is no deployment " + std::to_string(id));
  return deployment_row(statement);
}

Result<std::vector<Deployment>> SqliteStore::deployments(const DeploymentQuery& query) {
  const std::lock_guard lock(reader_mutex_);
  const std::uint64_t before = std::min<std::uint64_t>(query.before, INT64_MAX);
  const std::uint64_t limit = query.limit;
  std::optional<std::uint64_t> active;
  if (query.active) active = *query.active ? 1 : 0;
  Statement statement =
      TRY(reader_.query(ALOFT_DEPLOYMENT_QUERY "WHERE p.id<?1 AND (?3 IS NULL OR d.name=?3) AND (?4 IS NULL OR p.release=?4) "
                                               "AND (?5 IS NULL OR p.active=?5) ORDER BY p.id DESC LIMIT ?2",
                        before, limit, query.device, query.release, active));
  std::vector<Deployment> deployments;
  while (TRY(statement.step())) deployments.push_back(deployment_row(statement));
  return deployments;
}

Result<Deployment> SqliteStore::deployment(std::uint64_t id) {
  const std::lock_guard lock(reader_mutex_);
  return find_deployment(reader_, id);
}

void SqliteStore::add_deployments(NewDeployments request, Done<std::vector<Deployment>> done) {
  writer_.submit<std::vector<Deployment>>([request = std::move(request)](Database& database) { return deploy(database, request); },
                                          std::move(done));
}

void SqliteStore::cancel_deployment(std::uint64_t id, std::string by, std::uint64_t now_ms, Done<Deployment> done) {
  writer_.submit<Deployment>([id, by = std::move(by), now_ms](Database& database) { return cancel(database, id, by, now_ms); },
                             std::move(done));
}

void SqliteStore::apply_reports(ReportBatch batch, Done<ReportOutcome> done) {
  writer_.submit<ReportOutcome>([batch = std::move(batch)](Database& database) { return apply(database, batch); }, std::move(done));
}

Result<std::vector<Transition>> SqliteStore::transitions(std::uint64_t deployment, std::uint64_t after, std::size_t limit) {
  const std::lock_guard lock(reader_mutex_);
  const std::uint64_t count = limit;
  Statement row =
      TRY(reader_.query("SELECT id,deployment,coalesce(sequence,0),time_ms,received_ms,state,error,message,progress_permille "
                        "FROM transitions WHERE deployment=?1 AND id>?2 ORDER BY id LIMIT ?3",
                        deployment, std::min<std::uint64_t>(after, INT64_MAX), count));
  std::vector<Transition> transitions;
  while (TRY(row.step()))
    transitions.push_back({.id = row.number(0),
                           .deployment = row.number(1),
                           .sequence = row.number(2),
                           .time_ms = row.number(3),
                           .received_ms = row.number(4),
                           .state = static_cast<UpdateState>(row.number(5)),
                           .error = row.number(6),
                           .message = row.text(7),
                           .progress_permille = row.optional_number(8)});
  return transitions;
}

void SqliteStore::put_log(std::string device, std::uint64_t deployment, std::string text, std::uint64_t now_ms, Done<> done) {
  writer_.submit<void>(
      [this, device = std::move(device), deployment, text = std::move(text), now_ms](Database& database) -> Result<> {
        TRY(database.run(
            "INSERT INTO logs(deployment,received_ms,text) SELECT p.id,?3,?4 FROM deployments p JOIN devices d ON d.id=p.device "
            "WHERE p.id=?1 AND d.name=?2 ON CONFLICT(deployment) DO UPDATE SET received_ms=excluded.received_ms,text=excluded.text",
            deployment, device, now_ms, text));
        if (database.changed_rows() == 0)
          return fail(kDeploymentUnknown, "device " + device + " has no deployment " + std::to_string(deployment));
        return quotas_.make_room_for_log(database, deployment);
      },
      std::move(done));
}

Result<std::string> SqliteStore::log(std::uint64_t deployment) {
  const std::lock_guard lock(reader_mutex_);
  TRY(find_deployment(reader_, deployment));
  Statement statement = TRY(reader_.query("SELECT text FROM logs WHERE deployment=?1", deployment));
  if (!TRY(statement.step())) return fail(kLogUnknown, "the device has sent no log for deployment " + std::to_string(deployment));
  return statement.text(0);
}

}  // namespace aloft::fleet
