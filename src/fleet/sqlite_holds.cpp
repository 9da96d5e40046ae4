// Deployments that are only downloaded until they are released, in the SQLite store.
#include "fleet/errors.hpp"
#include "fleet/sqlite_rollouts.hpp"
#include "fleet/sqlite_rows.hpp"
#include "fleet/sqlite_store.hpp"

namespace aloft::fleet {
namespace {

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

Result<std::vector<Deployment>> release_all(Database& database, std::uint64_t id, const std::string& by, std::uint64_t now_ms) {
  Rollout rollout = TRY(read_rollout(database, id));
  if (is_final(rollout.state))
    return fail(kRolloutState, "rollout " + std::to_string(id) + " has ended (" + std::string(to_string(rollout.state)) + ")");
  if (!rollout.plan.policy.download_only)
    return fail(kNotHeld, "rollout " + std::to_string(id) + " is not download only, or has been released already");
  rollout.plan.policy.download_only = false;
  TRY(database.run("UPDATE rollouts SET plan=?2,changed_ms=?3 WHERE id=?1", id,
                   to_json(rollout.plan).dump(-1, ' ', false, Json::error_handler_t::replace), now_ms));
  std::vector<std::uint64_t> ids;
  {
    Statement row = TRY(database.query("SELECT id FROM deployments WHERE rollout=?1 AND active=1 ORDER BY id", id));
    while (TRY(row.step())) ids.push_back(row.number(0));
  }
  std::vector<Deployment> released;
  for (const std::uint64_t one : ids) {
    Deployment present = TRY(find_deployment(database, one));
    if (present.policy.download_only) released.push_back(TRY(let_go(database, std::move(present), by, now_ms)));
  }
  TRY(note_rollout_event(database, id, "release", by, std::to_string(released.size()) + " devices had it already", now_ms));
  return released;
}

}  // namespace

void SqliteStore::release_deployment(std::uint64_t id, std::string by, std::uint64_t now_ms, Done<Deployment> done) {
  writer_.submit<Deployment>([id, by = std::move(by), now_ms](Database& database) { return release_one(database, id, by, now_ms); },
                             std::move(done));
}

void SqliteStore::release_rollout(std::uint64_t rollout, std::string by, std::uint64_t now_ms, Done<std::vector<Deployment>> done) {
  writer_.submit<std::vector<Deployment>>(
      [rollout, by = std::move(by), now_ms](Database& database) { return release_all(database, rollout, by, now_ms); }, std::move(done));
}

}  // namespace aloft::fleet
