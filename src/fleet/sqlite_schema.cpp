#include "fleet/sqlite_schema.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "fleet/errors.hpp"

namespace aloft::fleet {
namespace {

// A step is never changed once it has been released; a new one is added behind it.
constexpr std::array<const char*, 17> kSteps{
    R"sql(
CREATE TABLE devices(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  status INTEGER NOT NULL,
  public_key TEXT NOT NULL,
  key_sha256 BLOB NOT NULL,
  product TEXT NOT NULL,
  hardware TEXT NOT NULL,
  version TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  last_seen_ms INTEGER NOT NULL);
CREATE INDEX devices_by_status ON devices(status, name);
CREATE TABLE enrolment_tokens(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  hash BLOB NOT NULL UNIQUE,
  note TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  used_ms INTEGER,
  used_by TEXT NOT NULL DEFAULT '');
CREATE TABLE releases(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  product TEXT NOT NULL,
  hardware TEXT NOT NULL,
  version TEXT NOT NULL,
  security_version INTEGER NOT NULL,
  description TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  sha256 BLOB NOT NULL UNIQUE,
  manifest_sha256 BLOB NOT NULL,
  signers TEXT NOT NULL,
  verified INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  created_by TEXT NOT NULL);
CREATE TABLE deployments(
  id INTEGER PRIMARY KEY AUTOINCREMENT CHECK(id <= 2147483647),
  device INTEGER NOT NULL REFERENCES devices(id) ON DELETE CASCADE,
  release INTEGER REFERENCES releases(id) ON DELETE SET NULL,
  version TEXT NOT NULL,
  artifact_sha256 BLOB NOT NULL,
  artifact_size_bytes INTEGER NOT NULL,
  state INTEGER NOT NULL,
  error INTEGER NOT NULL DEFAULT 0,
  message TEXT NOT NULL DEFAULT '',
  progress_permille INTEGER,
  last_sequence INTEGER NOT NULL DEFAULT 0,
  active INTEGER NOT NULL DEFAULT 1,
  created_ms INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  changed_ms INTEGER NOT NULL);
CREATE UNIQUE INDEX one_active_deployment ON deployments(device) WHERE active;
CREATE INDEX deployments_by_device ON deployments(device, id);
CREATE INDEX deployments_by_release ON deployments(release, id);
CREATE TABLE transitions(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  deployment INTEGER NOT NULL REFERENCES deployments(id) ON DELETE CASCADE,
  sequence INTEGER,
  time_ms INTEGER NOT NULL,
  received_ms INTEGER NOT NULL,
  state INTEGER NOT NULL,
  error INTEGER NOT NULL,
  message TEXT NOT NULL,
  progress_permille INTEGER,
  UNIQUE(deployment, sequence));
CREATE TABLE logs(
  deployment INTEGER PRIMARY KEY REFERENCES deployments(id) ON DELETE CASCADE,
  received_ms INTEGER NOT NULL,
  text BLOB NOT NULL);
CREATE TABLE users(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  password TEXT NOT NULL);
CREATE TABLE access_tokens(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind INTEGER NOT NULL,
  user INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  hash BLOB NOT NULL UNIQUE,
  note TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER);
CREATE TABLE settings(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
)sql",
    R"sql(
ALTER TABLE devices ADD COLUMN problem_error INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN problem TEXT NOT NULL DEFAULT '';
)sql",
    R"sql(
CREATE TABLE attributes(
  device INTEGER NOT NULL REFERENCES devices(id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY(device, key)) WITHOUT ROWID;
CREATE INDEX attributes_by_value ON attributes(key, value COLLATE NOCASE, device);
CREATE TABLE tags(
  device INTEGER NOT NULL REFERENCES devices(id) ON DELETE CASCADE,
  tag TEXT NOT NULL COLLATE NOCASE,
  PRIMARY KEY(device, tag)) WITHOUT ROWID;
CREATE INDEX tags_by_tag ON tags(tag, device);
CREATE TABLE device_groups(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE,
  description TEXT NOT NULL,
  filter TEXT,
  created_ms INTEGER NOT NULL,
  created_by TEXT NOT NULL);
CREATE TABLE group_members(
  device_group INTEGER NOT NULL REFERENCES device_groups(id) ON DELETE CASCADE,
  device INTEGER NOT NULL REFERENCES devices(id) ON DELETE CASCADE,
  PRIMARY KEY(device_group, device)) WITHOUT ROWID;
CREATE INDEX group_members_by_device ON group_members(device);
CREATE TABLE device_types(product TEXT PRIMARY KEY, description TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE hardware_classes(
  product TEXT NOT NULL REFERENCES device_types(product) ON DELETE CASCADE,
  hardware TEXT NOT NULL,
  description TEXT NOT NULL,
  PRIMARY KEY(product, hardware)) WITHOUT ROWID;
CREATE INDEX devices_by_product ON devices(product, hardware);
)sql",
    R"sql(
CREATE TABLE rollouts(
  id INTEGER PRIMARY KEY AUTOINCREMENT CHECK(id <= 2147483647),
  name TEXT NOT NULL,
  plan TEXT NOT NULL,
  release INTEGER REFERENCES releases(id) ON DELETE SET NULL,
  version TEXT NOT NULL,
  seed TEXT NOT NULL,
  state INTEGER NOT NULL,
  reason TEXT NOT NULL DEFAULT '',
  wave INTEGER NOT NULL DEFAULT 0,
  reach INTEGER NOT NULL DEFAULT 0,
  soak_until_ms INTEGER NOT NULL DEFAULT 0,
  judged_after_ms INTEGER NOT NULL DEFAULT 0,
  parent INTEGER REFERENCES rollouts(id),
  created_ms INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  approved_by TEXT NOT NULL DEFAULT '',
  started_ms INTEGER NOT NULL DEFAULT 0,
  changed_ms INTEGER NOT NULL);
CREATE INDEX rollouts_by_parent ON rollouts(parent) WHERE parent IS NOT NULL;
CREATE TABLE rollout_devices(
  rollout INTEGER NOT NULL REFERENCES rollouts(id) ON DELETE CASCADE,
  device INTEGER NOT NULL REFERENCES devices(id) ON DELETE CASCADE,
  sample INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0,
  wave INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  deployment INTEGER NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT '',
  changed_ms INTEGER NOT NULL,
  PRIMARY KEY(rollout, device)) WITHOUT ROWID;
CREATE INDEX rollout_devices_by_device ON rollout_devices(device, rollout);
CREATE INDEX rollout_devices_by_state ON rollout_devices(rollout, state);
CREATE TABLE rollout_events(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  rollout INTEGER NOT NULL REFERENCES rollouts(id) ON DELETE CASCADE,
  time_ms INTEGER NOT NULL,
  event TEXT NOT NULL,
  by TEXT NOT NULL,
  detail TEXT NOT NULL);
CREATE INDEX rollout_events_by_rollout ON rollout_events(rollout, id);
ALTER TABLE deployments ADD COLUMN rollout INTEGER REFERENCES rollouts(id) ON DELETE SET NULL;
ALTER TABLE deployments ADD COLUMN policy TEXT NOT NULL DEFAULT '{}';
CREATE INDEX deployments_by_rollout ON deployments(rollout, error) WHERE rollout IS NOT NULL;
)sql",
    R"sql(
ALTER TABLE users ADD COLUMN roles INTEGER NOT NULL DEFAULT 16;
ALTER TABLE users ADD COLUMN created_ms INTEGER NOT NULL DEFAULT 0;
CREATE TABLE audit(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time_ms INTEGER NOT NULL,
  user TEXT NOT NULL,
  peer TEXT NOT NULL,
  method TEXT NOT NULL,
  path TEXT NOT NULL,
  detail TEXT NOT NULL,
  status INTEGER,
  error INTEGER NOT NULL DEFAULT 0);
CREATE INDEX audit_by_user ON audit(user, id);
)sql",
    R"sql(
ALTER TABLE devices ADD COLUMN last_boot TEXT NOT NULL DEFAULT '';
CREATE TABLE vitals(
  device INTEGER NOT NULL REFERENCES devices(id) ON DELETE CASCADE,
  version TEXT NOT NULL,
  began INTEGER NOT NULL,
  uptime_s INTEGER NOT NULL,
  requested INTEGER NOT NULL,
  watchdog INTEGER NOT NULL,
  panic INTEGER NOT NULL,
  overheated INTEGER NOT NULL,
  power_fault INTEGER NOT NULL,
  unclear INTEGER NOT NULL,
  changed_ms INTEGER NOT NULL,
  PRIMARY KEY(device, version)) WITHOUT ROWID;
CREATE INDEX vitals_by_version ON vitals(version, device);
CREATE TABLE metrics(
  device INTEGER NOT NULL,
  version TEXT NOT NULL,
  name TEXT NOT NULL,
  count INTEGER NOT NULL,
  sum REAL NOT NULL,
  last REAL NOT NULL,
  PRIMARY KEY(device, version, name),
  FOREIGN KEY(device, version) REFERENCES vitals(device, version) ON DELETE CASCADE) WITHOUT ROWID;
)sql",
    R"sql(
ALTER TABLE devices ADD COLUMN protocol INTEGER NOT NULL DEFAULT 0;
ALTER TABLE releases ADD COLUMN format INTEGER NOT NULL DEFAULT 0;
ALTER TABLE releases ADD COLUMN file_name TEXT NOT NULL DEFAULT '';
ALTER TABLE releases ADD COLUMN sha1 TEXT NOT NULL DEFAULT '';
ALTER TABLE releases ADD COLUMN md5 TEXT NOT NULL DEFAULT '';
ALTER TABLE releases ADD COLUMN contents TEXT NOT NULL DEFAULT '';
ALTER TABLE deployments ADD COLUMN closing INTEGER NOT NULL DEFAULT 0;
CREATE TABLE ddi_devices(
  device INTEGER PRIMARY KEY REFERENCES devices(id) ON DELETE CASCADE,
  attributes_known INTEGER NOT NULL DEFAULT 0,
  auto_confirm TEXT NOT NULL DEFAULT '');
CREATE TABLE ddi_gateways(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  hash BLOB NOT NULL UNIQUE,
  note TEXT NOT NULL,
  product TEXT NOT NULL,
  hardware TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  created_by TEXT NOT NULL);
)sql",
    R"sql(
CREATE TABLE webhooks(
  id INTEGER PRIMARY KEY AUTOINCREMENT CHECK(id <= 2147483647),
  url TEXT NOT NULL,
  rollout INTEGER NOT NULL DEFAULT 0,
  deployment INTEGER NOT NULL DEFAULT 0,
  audit INTEGER NOT NULL DEFAULT 0,
  secret TEXT NOT NULL,
  note TEXT NOT NULL DEFAULT '',
  created_ms INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  active INTEGER NOT NULL DEFAULT 1,
  told_rollout INTEGER NOT NULL DEFAULT 0,
  told_deployment INTEGER NOT NULL DEFAULT 0,
  told_audit INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_ms INTEGER NOT NULL DEFAULT 0,
  failing_since_ms INTEGER NOT NULL DEFAULT 0,
  off_reason TEXT NOT NULL DEFAULT '');
CREATE TABLE webhook_deliveries(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  webhook INTEGER NOT NULL REFERENCES webhooks(id) ON DELETE CASCADE,
  message TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  status INTEGER,
  error TEXT NOT NULL,
  took_ms INTEGER NOT NULL);
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries(webhook, id);
CREATE INDEX transitions_that_end ON transitions(id) WHERE state IN (8,9,10,12);
)sql",
    R"sql(
CREATE TABLE deltas(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  release INTEGER NOT NULL REFERENCES releases(id) ON DELETE CASCADE,
  from_version TEXT NOT NULL,
  hardware TEXT NOT NULL,
  sources TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  sha256 BLOB NOT NULL,
  problem TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  wanted_ms INTEGER NOT NULL,
  UNIQUE(release, from_version, hardware));
CREATE TABLE downloads(
  method TEXT PRIMARY KEY,
  deployments INTEGER NOT NULL,
  fetched_bytes INTEGER NOT NULL,
  saved_bytes INTEGER NOT NULL) WITHOUT ROWID;
ALTER TABLE deployments ADD COLUMN method TEXT;
ALTER TABLE deployments ADD COLUMN fetched_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deployments ADD COLUMN saved_bytes INTEGER NOT NULL DEFAULT 0;
)sql",
    R"sql(
ALTER TABLE releases ADD COLUMN must_pass INTEGER NOT NULL DEFAULT 0;
)sql",
    R"sql(
ALTER TABLE users ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN display TEXT NOT NULL DEFAULT '';
)sql",
    // All that decides whether a release is for a device, beside each other: a preview walks over it alone.
    R"sql(
DROP INDEX devices_by_product;
CREATE INDEX devices_by_fit ON devices(product, hardware, version, status, protocol, name);
)sql",
    // What there is of everything that a quota can limit, by the names of quota.hpp.
    R"sql(
CREATE TABLE quota_use(what TEXT PRIMARY KEY, amount INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO quota_use SELECT 'devices',count(*) FROM devices UNION ALL SELECT 'releases',count(*) FROM releases UNION ALL
  SELECT 'artifact_bytes',(SELECT ifnull(sum(size_bytes),0) FROM releases)+(SELECT ifnull(sum(size_bytes),0) FROM deltas) UNION ALL
  SELECT 'rollouts',count(*) FROM rollouts WHERE state<6 UNION ALL SELECT 'groups',count(*) FROM device_groups UNION ALL
  SELECT 'users',count(*) FROM users UNION ALL SELECT 'api_tokens',count(*) FROM access_tokens WHERE kind=1 UNION ALL
  SELECT 'enrolment_tokens',count(*) FROM enrolment_tokens WHERE used_ms IS NULL UNION ALL
  SELECT 'webhooks',count(*) FROM webhooks UNION ALL
  SELECT 'log_bytes',ifnull(sum(length(CAST(text AS BLOB))),0) FROM logs;
CREATE TRIGGER devices_come AFTER INSERT ON devices BEGIN UPDATE quota_use SET amount=amount+1 WHERE what='devices'; END;
CREATE TRIGGER devices_go AFTER DELETE ON devices BEGIN UPDATE quota_use SET amount=amount-1 WHERE what='devices'; END;
CREATE TRIGGER releases_come AFTER INSERT ON releases BEGIN
  UPDATE quota_use SET amount=amount+1 WHERE what='releases';
  UPDATE quota_use SET amount=amount+new.size_bytes WHERE what='artifact_bytes'; END;
CREATE TRIGGER releases_go AFTER DELETE ON releases BEGIN
  UPDATE quota_use SET amount=amount-1 WHERE what='releases';
  UPDATE quota_use SET amount=amount-old.size_bytes WHERE what='artifact_bytes'; END;
CREATE TRIGGER deltas_come AFTER INSERT ON deltas BEGIN UPDATE quota_use SET amount=amount+new.size_bytes WHERE what='artifact_bytes'; END;
CREATE TRIGGER deltas_go AFTER DELETE ON deltas BEGIN UPDATE quota_use SET amount=amount-old.size_bytes WHERE what='artifact_bytes'; END;
CREATE TRIGGER rollouts_come AFTER INSERT ON rollouts WHEN new.state<6 BEGIN UPDATE quota_use SET amount=amount+1 WHERE what='rollouts'; END;
CREATE TRIGGER rollouts_move AFTER UPDATE OF state ON rollouts WHEN (old.state<6)<>(new.state<6) BEGIN
  UPDATE quota_use SET amount=amount+(new.state<6)-(old.state<6) WHERE what='rollouts'; END;
CREATE TRIGGER rollouts_go AFTER DELETE ON rollouts WHEN old.state<6 BEGIN UPDATE quota_use SET amount=amount-1 WHERE what='rollouts'; END;
CREATE TRIGGER groups_come AFTER INSERT ON device_groups BEGIN UPDATE quota_use SET amount=amount+1 WHERE what='groups'; END;
CREATE TRIGGER groups_go AFTER DELETE ON device_groups BEGIN UPDATE quota_use SET amount=amount-1 WHERE what='groups'; END;
CREATE TRIGGER users_come AFTER INSERT ON users BEGIN UPDATE quota_use SET amount=amount+1 WHERE what='users'; END;
CREATE TRIGGER users_go AFTER DELETE ON users BEGIN UPDATE quota_use SET amount=amount-1 WHERE what='users'; END;
CREATE TRIGGER api_tokens_come AFTER INSERT ON access_tokens WHEN new.kind=1 BEGIN
  UPDATE quota_use SET amount=amount+1 WHERE what='api_tokens'; END;
CREATE TRIGGER api_tokens_go AFTER DELETE ON access_tokens WHEN old.kind=1 BEGIN
  UPDATE quota_use SET amount=amount-1 WHERE what='api_tokens'; END;
CREATE TRIGGER enrolment_tokens_come AFTER INSERT ON enrolment_tokens WHEN new.used_ms IS NULL BEGIN
  UPDATE quota_use SET amount=amount+1 WHERE what='enrolment_tokens'; END;
CREATE TRIGGER enrolment_tokens_serve AFTER UPDATE OF used_ms ON enrolment_tokens WHEN (old.used_ms IS NULL)<>(new.used_ms IS NULL) BEGIN
  UPDATE quota_use SET amount=amount+(new.used_ms IS NULL)-(old.used_ms IS NULL) WHERE what='enrolment_tokens'; END;
CREATE TRIGGER enrolment_tokens_go AFTER DELETE ON enrolment_tokens WHEN old.used_ms IS NULL BEGIN
  UPDATE quota_use SET amount=amount-1 WHERE what='enrolment_tokens'; END;
CREATE TRIGGER webhooks_come AFTER INSERT ON webhooks BEGIN UPDATE quota_use SET amount=amount+1 WHERE what='webhooks'; END;
CREATE TRIGGER webhooks_go AFTER DELETE ON webhooks BEGIN UPDATE quota_use SET amount=amount-1 WHERE what='webhooks'; END;
CREATE TRIGGER logs_come AFTER INSERT ON logs BEGIN
  UPDATE quota_use SET amount=amount+length(CAST(new.text AS BLOB)) WHERE what='log_bytes'; END;
CREATE TRIGGER logs_change AFTER UPDATE OF text ON logs BEGIN
  UPDATE quota_use SET amount=amount+length(CAST(new.text AS BLOB))-length(CAST(old.text AS BLOB)) WHERE what='log_bytes'; END;
CREATE TRIGGER logs_go AFTER DELETE ON logs BEGIN
  UPDATE quota_use SET amount=amount-length(CAST(old.text AS BLOB)) WHERE what='log_bytes'; END;
CREATE INDEX logs_by_time ON logs(received_ms, deployment);
)sql",
    // How far each wave of a rollout reached: so a device's wave is known without its row being rewritten when the wave opens.
    R"sql(
CREATE TABLE rollout_waves(
  rollout INTEGER NOT NULL REFERENCES rollouts(id) ON DELETE CASCADE,
  wave INTEGER NOT NULL,
  reach INTEGER NOT NULL,
  PRIMARY KEY(rollout, wave)) WITHOUT ROWID;
INSERT INTO rollout_waves SELECT id,wave,reach FROM rollouts WHERE wave>0;
ALTER TABLE releases ADD COLUMN deleting INTEGER NOT NULL DEFAULT 0;
-- Rollouts that are being made (10) count against the quota; drafts and remnants of groups, whose names begin with a dot, do not.
DROP TRIGGER rollouts_come;
DROP TRIGGER rollouts_move;
DROP TRIGGER rollouts_go;
CREATE TRIGGER rollouts_come AFTER INSERT ON rollouts WHEN new.state<6 OR new.state=10 BEGIN
  UPDATE quota_use SET amount=amount+1 WHERE what='rollouts'; END;
CREATE TRIGGER rollouts_move AFTER UPDATE OF state ON rollouts WHEN (old.state<6 OR old.state=10)<>(new.state<6 OR new.state=10) BEGIN
  UPDATE quota_use SET amount=amount+(new.state<6 OR new.state=10)-(old.state<6 OR old.state=10) WHERE what='rollouts'; END;
CREATE TRIGGER rollouts_go AFTER DELETE ON rollouts WHEN old.state<6 OR old.state=10 BEGIN
  UPDATE quota_use SET amount=amount-1 WHERE what='rollouts'; END;
DROP TRIGGER groups_come;
DROP TRIGGER groups_go;
CREATE TRIGGER groups_come AFTER INSERT ON device_groups WHEN new.name NOT LIKE '.%' BEGIN
  UPDATE quota_use SET amount=amount+1 WHERE what='groups'; END;
CREATE TRIGGER groups_rename AFTER UPDATE OF name ON device_groups WHEN (old.name LIKE '.%')<>(new.name LIKE '.%') BEGIN
  UPDATE quota_use SET amount=amount+(old.name LIKE '.%')-(new.name LIKE '.%') WHERE what='groups'; END;
CREATE TRIGGER groups_go AFTER DELETE ON device_groups WHEN old.name NOT LIKE '.%' BEGIN
  UPDATE quota_use SET amount=amount-1 WHERE what='groups'; END;
)sql",
    R"sql(
ALTER TABLE access_tokens ADD COLUMN client TEXT NOT NULL DEFAULT '';
ALTER TABLE access_tokens ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE access_tokens ADD COLUMN used_ms INTEGER NOT NULL DEFAULT 0;
)sql",
    // So that the id of a deleted device is never given to another one.
    R"sql(
CREATE TABLE deleted_devices(highest_id INTEGER NOT NULL);
INSERT INTO deleted_devices VALUES(0);
CREATE TRIGGER devices_leave_their_id AFTER DELETE ON devices BEGIN UPDATE deleted_devices SET highest_id=max(highest_id,old.id); END;
)sql",
    // Who is tried again waits, in the store too; nobody who was taken out before it failed is.
    R"sql(
UPDATE rollout_devices SET state=0,reason=CASE state WHEN 3 THEN 'failed' ELSE 'rolled back' END||', and may be tried again'
  WHERE state IN (3,4) AND EXISTS(SELECT 1 FROM rollouts r WHERE r.id=rollout_devices.rollout AND (r.state<6 OR r.state=10)
  AND rollout_devices.attempts<=coalesce(json_extract(r.plan,'$.retries'),0)) AND NOT EXISTS(SELECT 1 FROM transitions t
  WHERE t.deployment=rollout_devices.deployment AND t.sequence IS NULL AND t.state=12 AND t.message LIKE 'cancelled by %');
)sql"};

}  // namespace

Result<> migrate(Database& database, std::size_t to) {
  std::uint64_t version = 0;
  {
    Statement statement = TRY(database.query("PRAGMA user_version"));
    if (TRY(statement.step())) version = statement.number(0);
  }
  if (version > kSteps.size())
    return fail(kStoreTooNew, "the database has schema " + std::to_string(version) + ", this program knows " +
                                  std::to_string(kSteps.size()) + ": run the newer aloft-server, or restore the backup made before it");
  for (std::size_t step = version; step < std::min(to, kSteps.size()); ++step) {
    const std::string sql = "BEGIN IMMEDIATE;" + std::string(kSteps[step]) + "PRAGMA user_version=" + std::to_string(step + 1) + ";COMMIT;";
    const Result<> done = database.execute(sql.c_str());
    if (!done && database.in_transaction()) TRY(database.execute("ROLLBACK"));
    TRY(Result<>(done));
  }
  return {};
}

}  // namespace aloft::fleet
