// The devices of rollouts in the SQLite store.
#include <algorithm>

#include "fleet/errors.hpp"
#include "fleet/sqlite_rollouts.hpp"
#include "fleet/sqlite_rows.hpp"
#include "fleet/sqlite_store.hpp"
#include "fleet/why.hpp"

namespace aloft::fleet {
namespace {

using Refusal = RolloutRun::Refusal;

std::uint64_t number_of(MemberState state) { return static_cast<std::uint64_t>(state); }

Member member_row(const Statement& row) {
  return {.device = row.number(0),
          .name = row.text(1),
          .sample = row.number(2),
          .state = static_cast<MemberState>(row.number(3)),
          .wave = row.number(4),
          .attempts = row.number(5),
          .deployment = row.number(6),
          .reason = row.text(7),
          .changed_ms = row.number(8)};
}

// Without its key and its times; nothing unless it is a member that nobody has taken out.
Result<std::optional<Device>> member_device(Database& database, std::uint64_t rollout, std::uint64_t id) {
  Statement row = TRY(
      database.query("SELECT d.name,d.status,d.protocol,d.product,d.hardware,d.version,(SELECT id FROM deployments WHERE device=d.id AND "
                     "active) FROM rollout_devices m JOIN devices d ON d.id=m.device WHERE m.rollout=?1 AND m.device=?2 AND "
                     "m.state<>6",
                     rollout, id));
  if (!TRY(row.step())) return std::nullopt;
  return Device{.name = row.text(0),
                .status = static_cast<DeviceStatus>(row.number(1)),
                .protocol = static_cast<DeviceProtocol>(row.number(2)),
                .product = row.text(3),
                .hardware = row.text(4),
                .version = row.text(5),
                .deployment = row.optional_number(6)};
}

Result<> set_member(Database& database, std::uint64_t rollout, std::uint64_t device, MemberState state, const std::string& reason,
                    std::uint64_t now_ms) {
  return database.run("UPDATE rollout_devices SET state=?3,reason=?4,changed_ms=?5 WHERE rollout=?1 AND device=?2", rollout, device,
                      number_of(state), reason, now_ms);
}

struct Offering {
  const Rollout& rollout;
  const Release& release;
  bool stones;       // there are releases of the product that have to be passed through
  std::string from;  // the version that it takes back; empty: it takes none back
  std::string policy;
  std::string created_by;
  std::uint64_t now_ms;
};

Result<bool> has_stones(Database& database, const std::string& product) {
  Statement row = TRY(database.query("SELECT 1 FROM releases WHERE must_pass AND product=?1 LIMIT 1", product));
  return row.step();
}

// Whether the device still takes the release: empty, or why not.
std::string objection(const Device& device, const Release& release) {
  if (device.status != DeviceStatus::accepted) return "it is no longer accepted";
  if (device.version == release.version) return "it has this version already";
  if (const Result<> fits = check_fit(release, device); !fits) return fits.error().message;
  return "";
}

// Whether the device runs something that neither the rollout to be taken back nor this one, on its way, has brought it.
Result<bool> has_moved_on(Database& database, const Offering& offering, std::uint64_t device, const std::string& version) {
  if (offering.from.empty() || version == offering.from) return false;
  Statement row = TRY(database.query("SELECT 1 FROM deployments WHERE device=?1 AND rollout=?2 AND version=?3 AND state=8 LIMIT 1", device,
                                     offering.rollout.id, version));
  return !TRY(row.step());
}

Result<> offer_one(Database& database, const Offering& offering, const OfferOrder::Device& wanted, OfferOutcome& outcome) {
  const std::optional<Device> device = TRY(member_device(database, offering.rollout.id, wanted.device));
  if (!device) {
    outcome.refused.push_back({wanted.device, Refusal::gone});
    return {};
  }
  if (device->deployment) {
    outcome.refused.push_back({wanted.device, Refusal::busy});
    return set_member(database, offering.rollout.id, wanted.device, MemberState::waiting,
                      "waits for the end of deployment " + std::to_string(*device->deployment), offering.now_ms);
  }
  std::string why = objection(*device, offering.release);
  if (why.empty() && TRY(has_moved_on(database, offering, wanted.device, device->version))) why = "it no longer runs " + offering.from;
  if (!why.empty()) {
    outcome.refused.push_back({wanted.device, Refusal::skipped});
    return set_member(database, offering.rollout.id, wanted.device, MemberState::skipped, why, offering.now_ms);
  }
  std::optional<Release> stone;
  if (offering.stones) stone = TRY(find_stone(database, *device, wanted.device, offering.rollout.id, offering.release));
  if (stone && !check_fit(*stone, *device)) stone.reset();  // it cannot be for this device
  const Release& next = stone ? *stone : offering.release;
  TRY(database.run(
      "INSERT INTO deployments(device,release,version,artifact_sha256,artifact_size_bytes,state,created_ms,created_by,changed_ms,"
      "rollout,policy) VALUES(?1,?2,?3,?4,?5,0,?6,?7,?6,?8,?9)",
      wanted.device, next.id, next.version, next.sha256, next.size_bytes, offering.now_ms, offering.created_by, offering.rollout.id,
      offering.policy));
  const std::uint64_t id = database.last_id();
  TRY(database.run("INSERT INTO transitions(deployment,sequence,time_ms,received_ms,state,error,message) VALUES(?1,NULL,?2,?2,0,0,'')", id,
                   offering.now_ms));
  TRY(database.run("UPDATE rollout_devices SET state=?3,reason=?7,attempts=?4,deployment=?5,changed_ms=?6 WHERE rollout=?1 AND device=?2",
                   offering.rollout.id, wanted.device, number_of(MemberState::offered), wanted.attempt, id, offering.now_ms,
                   stone ? "passes through " + stone->version + " first" : std::string()));
  outcome.made.push_back({.id = id,
                          .device = device->name,
                          .device_id = wanted.device,
                          .rollout = offering.rollout.id,
                          .policy = offering.rollout.plan.policy,
                          .release = next.id,
                          .version = next.version,
                          .artifact_sha256 = next.sha256,
                          .artifact_size_bytes = next.size_bytes,
                          .created_ms = offering.now_ms,
                          .created_by = offering.created_by,
                          .changed_ms = offering.now_ms});
  return {};
}

Result<OfferOutcome> offer_all(Database& database, const OfferRequest& request) {
  const Rollout rollout = TRY(read_rollout(database, request.rollout));
  if (rollout.state != RolloutState::running && rollout.state != RolloutState::open)
    return fail(kRolloutState, "rollout " + std::to_string(rollout.id) + " is " + std::string(to_string(rollout.state)));
  const Release release = TRY(find_release(database, rollout.plan.release));
  const bool stones = TRY(has_stones(database, release.product));
  std::string from;
  if (rollout.parent) from = TRY(read_rollout(database, *rollout.parent)).version;
  const Offering offering{.rollout = rollout,
                          .release = release,
                          .stones = stones,
                          .from = from,
                          .policy = protocol::to_json(rollout.plan.policy).dump(),
                          .created_by = "rollout " + std::to_string(rollout.id),
                          .now_ms = request.now_ms};
  OfferOutcome outcome;
  for (const OfferOrder::Device& device : request.order.devices) TRY(offer_one(database, offering, device, outcome));
  return outcome;
}

std::string waits_for_its_next_try(MemberState after) {
  return (after == MemberState::failed ? "failed" : "rolled back") + std::string(kMayBeTriedAgain);
}

// Nobody is tried again by a rollout that has ended: who waits for that, whatever has kept it waiting, gets the state that it would have
// had without.
Result<> end_tries(Database& database, const Rollout& rollout) {
  if (rollout.plan.retries == 0) return {};
  return database.run(
      "UPDATE rollout_devices SET state=CASE (SELECT state FROM deployments WHERE id=deployment) WHEN ?2 THEN ?3 ELSE ?4 END,reason='' "
      "WHERE rollout=?1 AND state=0 AND attempts>0",
      rollout.id, static_cast<std::uint64_t>(UpdateState::rolled_back), number_of(MemberState::rolled_back),
      number_of(MemberState::failed));
}

Result<MoveOutcome> move(Database& database, const MoveOrder& order) {
  const Rollout& next = order.rollout;
  TRY(database.run(
      "UPDATE rollouts SET state=?2,reason=?3,wave=?4,reach=?5,soak_until_ms=?6,judged_after_ms=?7,approved_by=?8,started_ms=?9,"
      "changed_ms=?10 WHERE id=?1",
      next.id, static_cast<std::uint64_t>(next.state), next.reason, next.wave, next.reach, next.soak_until_ms, next.judged_after_ms,
      next.approved_by, next.started_ms, next.changed_ms));
  std::string detail = next.reason;
  if (order.action == RolloutAction::open_wave)
    detail = "wave " + std::to_string(next.wave) + " of " + std::to_string(next.plan.waves.size());
  const bool gathered = order.event == RolloutEvent::gathered || order.event == RolloutEvent::gathered_unapproved;
  if (!gathered) TRY(note_rollout_event(database, next.id, to_string(order.event), order.by, detail, next.changed_ms));
  if (order.action == RolloutAction::open_wave || order.action == RolloutAction::widen)
    TRY(database.run("INSERT INTO rollout_waves(rollout,wave,reach) VALUES(?1,?2,?3) ON CONFLICT DO UPDATE SET reach=excluded.reach",
                     next.id, next.wave, next.reach));
  if (is_final(next.state)) TRY(end_tries(database, next));
  MoveOutcome outcome;
  if (order.action == RolloutAction::roll_back) outcome.successor = TRY(create_rollback(database, next, next.changed_ms));
  return outcome;
}

Result<std::optional<Deployment>> silence(Database& database, std::uint64_t rollout, const SilenceOrder& order, std::uint64_t now_ms) {
  auto withdrawn = TRY(withdraw(database, order.deployment, "withdrawn: nothing was heard of the device in time", now_ms));
  if (withdrawn) TRY(set_member(database, rollout, order.device, MemberState::silent, "nothing was heard of it in time", now_ms));
  return withdrawn;
}

Result<std::optional<Member>> join(Database& database, std::uint64_t rollout, const Member& member) {
  TRY(
      database.run("INSERT INTO rollout_devices(rollout,device,sample,wave,changed_ms) SELECT ?1,id,?3,?4,?5 FROM devices WHERE id=?2 "
                   "ON CONFLICT DO NOTHING",
                   rollout, member.device, member.sample, member.wave, member.changed_ms));
  if (database.changed_rows() == 0) return std::nullopt;
  return member;
}

Result<std::vector<Member>> add_some(Database& database, std::uint64_t id, const std::vector<Candidate>& those, std::uint64_t now_ms) {
  const Rollout rollout = TRY(read_rollout(database, id));
  if (is_final(rollout.state))
    return fail(kRolloutState, "rollout " + std::to_string(id) + " has ended (" + std::string(to_string(rollout.state)) + ")");
  std::vector<Member> added;
  for (const Candidate& one : those) {
    const Member member{
        .device = one.device, .sample = one.sample, .wave = one.sample < rollout.reach ? rollout.wave : 0, .changed_ms = now_ms};
    if (auto joined = TRY(join(database, id, member))) added.push_back(*std::move(joined));
  }
  return added;
}

#define ALOFT_MEMBER_QUERY                                                 \
  "SELECT m.device,d.name,m.sample,m.state," ALOFT_MEMBER_WAVE             \
  ",m.attempts,m.deployment,m.reason,m.changed_ms FROM rollout_devices m " \
  "JOIN devices d ON d.id=m.device "

Result<RolloutStore::CancelledMember> take_out(Database& database, std::uint64_t rollout, const std::string& name, const std::string& by,
                                               std::uint64_t now_ms) {
  std::optional<Member> member;
  {
    Statement row = TRY(database.query(ALOFT_MEMBER_QUERY "WHERE m.rollout=?1 AND d.name=?2", rollout, name));
    if (TRY(row.step())) member = member_row(row);
  }
  if (!member) return fail(kMemberUnknown, "device " + name + " is not part of rollout " + std::to_string(rollout));
  if (member->state != MemberState::waiting && member->state != MemberState::offered)
    return fail(kRolloutState, "device " + name + " has ended rollout " + std::to_string(rollout) + " already (" +
                                   std::string(to_string(member->state)) + ")");
  RolloutStore::CancelledMember cancelled{.device = member->device, .deployment = {}};
  if (member->state == MemberState::offered)
    cancelled.deployment = TRY(withdraw(database, member->deployment, "cancelled by " + by, now_ms));
  TRY(set_member(database, rollout, member->device, MemberState::cancelled, "cancelled by " + by, now_ms));
  TRY(note_rollout_event(database, rollout, "device-cancelled", by, name, now_ms));
  return cancelled;
}

// Whether it is of a release that a rollout's device only passes through.
Result<bool> is_of_stone(Database& database, std::uint64_t deployment) {
  Statement row = TRY(
      database.query("SELECT 1 FROM deployments p JOIN rollouts r ON r.id=p.rollout WHERE p.id=?1 AND p.version<>r.version", deployment));
  return row.step();
}

// Whether the deployment's member, that failed, has tries left: in a rollout that goes on, if nobody has taken it out.
Result<bool> has_tries_left(Database& database, std::uint64_t deployment) {
  Statement row = TRY(
      database.query("SELECT 1 FROM deployments p JOIN rollout_devices m ON m.rollout=p.rollout AND m.device=p.device "
                     "JOIN rollouts r ON r.id=m.rollout WHERE p.id=?1 AND m.deployment=?1 AND m.state<>6 AND (r.state<6 OR r.state=10) AND "
                     "m.attempts<=coalesce(json_extract(r.plan,'$.retries'),0)",
                     deployment));
  return row.step();
}

}  // namespace

Result<std::optional<Deployment>> withdraw(Database& database, std::uint64_t deployment, const std::string& message, std::uint64_t now_ms) {
  TRY(database.run("UPDATE deployments SET state=12,error=0,message=?2,active=0,changed_ms=?3 WHERE id=?1 AND active", deployment, message,
                   now_ms));
  if (database.changed_rows() == 0) return std::nullopt;
  TRY(database.run("INSERT INTO transitions(deployment,sequence,time_ms,received_ms,state,error,message) VALUES(?1,NULL,?2,?2,12,0,?3)",
                   deployment, now_ms, message));
  TRY(follow_in_rollout(database, deployment, UpdateState::cancelled, now_ms));
  return TRY(find_deployment(database, deployment));
}

Result<> follow_in_rollout(Database& database, std::uint64_t deployment, UpdateState state, std::uint64_t now_ms) {
  if (!protocol::is_final(state)) return {};
  // One that has passed through a release on its way is not there yet; one that was taken out stays out.
  if (state == UpdateState::committed && TRY(is_of_stone(database, deployment)))
    return database.run(
        "UPDATE rollout_devices SET state=0,attempts=0,reason='',changed_ms=?2 WHERE deployment=?1 AND state IN (1,5) AND "
        "(rollout,device)=(SELECT rollout,device FROM deployments WHERE id=?1)",
        deployment, now_ms);
  MemberState next = member_state_of(state);
  std::string reason;
  if ((next == MemberState::failed || next == MemberState::rolled_back) && TRY(has_tries_left(database, deployment))) {
    reason = waits_for_its_next_try(next);
    next = MemberState::waiting;
  }
  // A device that was taken for silent, or taken out, keeps that until its own last word says what really happened.
  return database.run(
      "UPDATE rollout_devices SET state=?2,reason=?4,changed_ms=?3 WHERE (rollout,device)=(SELECT rollout,device FROM deployments "
      "WHERE id=?1 AND rollout IS NOT NULL) AND deployment=?1 AND (state=1 OR ?2<>6)",
      deployment, number_of(next), now_ms, reason);
}

void SqliteStore::offer(OfferRequest request, Done<OfferOutcome> done) {
  writer_.submit<OfferOutcome>([request = std::move(request)](Database& database) { return offer_all(database, request); },
                               std::move(done));
}

void SqliteStore::move_rollout(MoveOrder order, Done<MoveOutcome> done) {
  writer_.submit<MoveOutcome>([order = std::move(order)](Database& database) { return move(database, order); }, std::move(done));
}

void SqliteStore::end_silent(std::uint64_t rollout, SilenceOrder order, std::uint64_t now_ms, Done<std::optional<Deployment>> done) {
  writer_.submit<std::optional<Deployment>>([=](Database& database) { return silence(database, rollout, order, now_ms); }, std::move(done));
}

void SqliteStore::join_rollout(std::uint64_t rollout, Member member, Done<std::optional<Member>> done) {
  writer_.submit<std::optional<Member>>(
      [rollout, member = std::move(member)](Database& database) { return join(database, rollout, member); }, std::move(done));
}

void SqliteStore::add_members(std::uint64_t rollout, std::vector<Candidate> those, std::uint64_t now_ms, Done<std::vector<Member>> done) {
  writer_.submit<std::vector<Member>>(
      [rollout, those = std::move(those), now_ms](Database& database) { return add_some(database, rollout, those, now_ms); },
      std::move(done));
}

void SqliteStore::cancel_member(std::uint64_t rollout, std::string device, std::string by, std::uint64_t now_ms,
                                Done<CancelledMember> done) {
  writer_.submit<CancelledMember>([rollout, device = std::move(device), by = std::move(by),
                                   now_ms](Database& database) { return take_out(database, rollout, device, by, now_ms); },
                                  std::move(done));
}

Result<std::vector<Member>> SqliteStore::members(std::uint64_t rollout, std::optional<MemberState> state, const std::string& after,
                                                 std::size_t limit) {
  const std::lock_guard lock(reader_mutex_);
  std::optional<std::uint64_t> wanted;
  if (state) wanted = number_of(*state);
  const std::uint64_t count = limit;
  Statement row =
      TRY(reader_.query(ALOFT_MEMBER_QUERY "WHERE m.rollout=?1 AND (?2 IS NULL OR m.state=?2) AND d.name>?3 ORDER BY d.name LIMIT ?4",
                        rollout, wanted, after, count));
  std::vector<Member> members;
  while (TRY(row.step())) members.push_back(member_row(row));
  return members;
}

Result<std::vector<Member>> SqliteStore::all_members(std::uint64_t rollout) {
  const std::lock_guard lock(bulk_mutex_);
  Statement row = TRY(bulk_reader_.query("SELECT m.device,'',m.sample,m.state," ALOFT_MEMBER_WAVE
                                         ",m.attempts,m.deployment,'',m.changed_ms,m.state=1 AND EXISTS(SELECT 1 FROM deployments p "
                                         "WHERE p.id=m.deployment AND p.state=11) FROM rollout_devices m WHERE m.rollout=?1",
                                         rollout));
  std::vector<Member> members;
  while (TRY(row.step())) {
    members.push_back(member_row(row));
    members.back().waits = row.number(9) != 0;
  }
  return members;
}

Result<std::vector<Membership>> SqliteStore::memberships(const std::string& device) {
  const std::lock_guard lock(reader_mutex_);
  std::vector<std::pair<std::uint64_t, Member>> found;
  {
    Statement row =
        TRY(reader_.query("SELECT m.device,d.name,m.sample,m.state," ALOFT_MEMBER_WAVE
                          ",m.attempts,m.deployment,m.reason,m.changed_ms,m.rollout "
                          "FROM rollout_devices m JOIN devices d ON d.id=m.device WHERE d.name=?1 ORDER BY m.rollout DESC LIMIT 20",
                          device));
    while (TRY(row.step())) found.emplace_back(row.number(9), member_row(row));
  }
  std::vector<Membership> memberships;
  for (auto& [id, member] : found) memberships.push_back({.rollout = TRY(read_rollout(reader_, id)), .member = std::move(member)});
  return memberships;
}

}  // namespace aloft::fleet
