// Deployments that are only downloaded until they are released, in the SQLite store.
#include "fleet/errors.hpp"
#include "fleet/sqlite_rollouts.hpp"
#include "fleet/sqlite_rows.hpp"
#include "fleet/sqlite_store.hpp"

namespace aloft::fleet {
namespace {

constexpr const char* kReleaseEvent = "release";

Result<Deployment> let_go(Database& database, Deployment held, const std::string& by, std::uint64_t now_ms) {
  held.policy.download_only = false;
  const std::string message = "released by " + by + ", to be installed";
  TRY(database.run("UPDATE deployments SET policy=?2,changed_ms=?3 WHERE id=?1", held.id, protocol::to_json(held.policy).dump(), now_ms));
  TRY(database.run("INSERT INTO transitions(deployment,sequence,time_ms,received_ms,state,error,message) VALUES(?1,NULL,?2,?2,?3,0,?4)",
                   held.id, now_ms, static_cast<std::uint64_t>(held.state), message));
  return find_deployment(database, held.id);
}

Result<Deployment> release_one(Database& database, std::uint64_t id, const std::string& by, std::uint64_t now_ms) {
  Deployment present = TRY(find_deployment(database, id));
  if (protocol::is_final(present.state))
    return fail(kDeploymentFinished,
                "deployment " + std::to_string(id) + " is finished (" + std::string(protocol::to_string(present.state)) + ")");
  if (!present.policy.download_only)
    return fail(kNotHeld, "deployment " + std::to_string(id) + " is not download only, or has been released already");
  return let_go(database, std::move(present), by, now_ms);
}

Result<> release_all(Database& database, std::uint64_t id, const std::string& by, std::uint64_t now_ms) {
  Rollout rollout = TRY(read_rollout(database, id));
  if (is_final(rollout.state))
    return fail(kRolloutState, "rollout " + std::to_string(id) + " has ended (" + std::string(to_string(rollout.state)) + ")");
  if (!rollout.plan.policy.download_only)
    return fail(kNotHeld, "rollout " + std::to_string(id) + " is not download only, or has been released already");
  rollout.plan.policy.download_only = false;
  TRY(database.run("UPDATE rollouts SET plan=?2,changed_ms=?3 WHERE id=?1", id,
                   to_json(rollout.plan).dump(-1, ' ', false, Json::error_handler_t::replace), now_ms));
  return note_rollout_event(database, id, kReleaseEvent, by, "", now_ms);
}

// Who released the rollout.
Result<std::string> releaser_of(Database& database, std::uint64_t rollout) {
  Statement row =
      TRY(database.query("SELECT by FROM rollout_events WHERE rollout=?1 AND event=?2 ORDER BY id DESC LIMIT 1", rollout, kReleaseEvent));
  if (!TRY(row.step())) return std::string("the server");
  return row.text(0);
}

Result<std::vector<Deployment>> let_go_of(Database& database, std::uint64_t rollout, const std::vector<std::uint64_t>& those,
                                          std::uint64_t now_ms) {
  const std::string by = TRY(releaser_of(database, rollout));
  std::vector<Deployment> released;
  for (const std::uint64_t id : those) {
    Deployment present = TRY(find_deployment(database, id));
    if (!protocol::is_final(present.state) && present.policy.download_only)
      released.push_back(TRY(let_go(database, std::move(present), by, now_ms)));
  }
  return released;
}

Result<std::vector<Deployment>> withdraw_these(Database& database, std::uint64_t id, const std::vector<std::uint64_t>& those,
                                               std::uint64_t now_ms) {
  const Rollout rollout = TRY(read_rollout(database, id));
  const std::string why = "rollout " + std::to_string(id) + " was " + (rollout.state == RolloutState::aborted ? "aborted" : "rolled back");
  std::vector<Deployment> withdrawn;
  for (const std::uint64_t one : those)
    if (auto gone = TRY(withdraw(database, one, why, now_ms))) withdrawn.push_back(*std::move(gone));
  return withdrawn;
}

Result<std::vector<std::uint64_t>> numbers_of(Statement row) {
  std::vector<std::uint64_t> numbers;
  while (TRY(row.step())) numbers.push_back(row.number(0));
  return numbers;
}

}  // namespace

void SqliteStore::release_deployment(std::uint64_t id, std::string by, std::uint64_t now_ms, Done<Deployment> done) {
  writer_.submit<Deployment>([id, by = std::move(by), now_ms](Database& database) { return release_one(database, id, by, now_ms); },
                             std::move(done));
}

void SqliteStore::release_rollout(std::uint64_t rollout, std::string by, std::uint64_t now_ms, Done<> done) {
  writer_.submit<void>([rollout, by = std::move(by), now_ms](Database& database) { return release_all(database, rollout, by, now_ms); },
                       std::move(done));
}

Result<RolloutStore::Leftovers> SqliteStore::leftovers() {
  const std::lock_guard lock(bulk_mutex_);
  Leftovers left;
  left.to_withdraw =
      TRY(numbers_of(TRY(bulk_reader_.query("SELECT id FROM rollouts WHERE state IN (7,9) AND EXISTS(SELECT 1 "
                                            "FROM rollout_devices WHERE rollout=rollouts.id AND state=1)"))));
  left.to_let_go = TRY(numbers_of(
      TRY(bulk_reader_.query("SELECT id FROM rollouts WHERE " ALOFT_ROLLOUT_UNDER_WAY
                             " AND EXISTS(SELECT 1 FROM rollout_events WHERE rollout=rollouts.id AND event=?1) AND EXISTS(SELECT 1 FROM "
                             "rollout_devices m JOIN deployments p ON p.id=m.deployment WHERE m.rollout=rollouts.id AND m.state=1 AND "
                             "json_extract(p.policy,'$.download_only'))",
                             kReleaseEvent))));
  return left;
}

Result<std::vector<std::uint64_t>> SqliteStore::under_way(std::uint64_t rollout, Which which) {
  const std::lock_guard lock(bulk_mutex_);
  if (which == Which::all)
    return numbers_of(TRY(bulk_reader_.query("SELECT deployment FROM rollout_devices WHERE rollout=?1 AND state=1", rollout)));
  return numbers_of(
      TRY(bulk_reader_.query("SELECT p.id FROM rollout_devices m JOIN deployments p ON p.id=m.deployment WHERE m.rollout=?1 AND m.state=1 "
                             "AND json_extract(p.policy,'$.download_only')",
                             rollout)));
}

Result<bool> SqliteStore::may_still_commit(std::uint64_t rollout) {
  const std::lock_guard lock(bulk_mutex_);
  // Members that are offered, silent or cancelled. A client of hawkBit's protocol is asked for its last word (Closing); aloftd reports it.
  Statement row = TRY(bulk_reader_.query(
      "SELECT 1 FROM rollout_devices m JOIN deployments p ON p.id=m.deployment JOIN devices d ON d.id=m.device WHERE m.rollout=?1 AND "
      "m.state IN (1,5,6) AND p.version=(SELECT version FROM rollouts WHERE id=?1) AND (p.active OR (p.state=12 AND CASE d.protocol WHEN 1 "
      "THEN p.closing<>1 ELSE NOT EXISTS(SELECT 1 FROM transitions WHERE deployment=p.id AND sequence IS NOT NULL AND state=12) END)) "
      "LIMIT 1",
      rollout));
  return row.step();
}

void SqliteStore::withdraw_some(std::uint64_t rollout, std::vector<std::uint64_t> deployments, std::uint64_t now_ms,
                                Done<std::vector<Deployment>> done) {
  writer_.submit<std::vector<Deployment>>(
      [rollout, those = std::move(deployments), now_ms](Database& database) { return withdraw_these(database, rollout, those, now_ms); },
      std::move(done));
}

void SqliteStore::let_go_of_some(std::uint64_t rollout, std::vector<std::uint64_t> deployments, std::uint64_t now_ms,
                                 Done<std::vector<Deployment>> done) {
  writer_.submit<std::vector<Deployment>>(
      [rollout, those = std::move(deployments), now_ms](Database& database) { return let_go_of(database, rollout, those, now_ms); },
      std::move(done));
}

}  // namespace aloft::fleet
