// Devices and enrolment in the SQLite store.
#include <algorithm>

#include "fleet/errors.hpp"
#include "fleet/filter_sql.hpp"
#include "fleet/sqlite_rows.hpp"
#include "fleet/sqlite_store.hpp"

namespace aloft::fleet {
namespace {

#define ALOFT_DEVICE_COLUMNS                                                                              \
  "d.name,d.status,d.public_key,d.key_sha256,d.product,d.hardware,d.version,d.created_ms,d.last_seen_ms," \
  "(SELECT id FROM deployments WHERE device=d.id AND active),d.problem_error,d.problem,d.protocol"

Device device_row(const Statement& row) {
  return {.name = row.text(0),
          .status = static_cast<DeviceStatus>(row.number(1)),
          .protocol = static_cast<DeviceProtocol>(row.number(12)),
          .public_key = row.text(2),
          .key_sha256 = row.digest(3),
          .product = row.text(4),
          .hardware = row.text(5),
          .version = row.text(6),
          .created_ms = row.number(7),
          .last_seen_ms = row.number(8),
          .deployment = row.optional_number(9),
          .problem_error = row.number(10),
          .problem = row.text(11)};
}

std::uint64_t number_of(DeviceStatus status) { return static_cast<std::uint64_t>(status); }

// Uses the token up. Errors: kEnrolmentToken.
Result<> use_token(Database& database, const Enrolment& enrolment) {
  TRY(
      database.run("UPDATE enrolment_tokens SET used_ms=coalesce(used_ms,?2),used_by=?3 "
                   "WHERE hash=?1 AND expires_ms>?2 AND (used_ms IS NULL OR used_by=?3)",
                   *enrolment.token_hash, enrolment.now_ms, enrolment.device.name));
  if (database.changed_rows() == 1) return {};
  return fail(kEnrolmentToken, "the enrolment token is unknown, expired or used; ask the server's operator for a new one");
}

Result<> check_room_for_pending(Database& database) {
  Statement statement = TRY(database.query("SELECT count(*) FROM devices WHERE status=0"));
  TRY(statement.step());
  if (statement.number(0) < kMaxPendingDevices) return {};
  return fail(kTooManyPending, "too many devices wait for acceptance; the server's operator has to accept or delete some");
}

Result<> insert_device(Database& database, const Enrolment& enrolment, bool accepted) {
  if (!accepted) TRY(check_room_for_pending(database));
  const Device& device = enrolment.device;
  return database.run(
      "INSERT INTO devices(id,name,status,public_key,key_sha256,product,hardware,version,created_ms,last_seen_ms) "
      "VALUES(" ALOFT_NEW_DEVICE_ID ",?1,?2,?3,?4,?5,?6,?7,?8,?8)",
      device.name, number_of(accepted ? DeviceStatus::accepted : DeviceStatus::pending), device.public_key, device.key_sha256,
      device.product, device.hardware, device.version, enrolment.now_ms);
}

Result<Device> enrol_in(Database& database, const Enrolment& enrolment) {
  const Device& asked = enrolment.device;
  const Result<Device> known = find_device(database, asked.name);
  if (!known && known.error().code.number != kDeviceUnknown.number) return known;
  if (known && known->status == DeviceStatus::rejected)
    return fail(kDeviceRejected, "the server's operator has rejected device " + asked.name);
  if (known && known->protocol != DeviceProtocol::aloft)
    return fail(kDeviceNameTaken,
                "the name " + asked.name + " belongs to a device of hawkBit's protocol; choose another name, or delete that device");
  const bool same_key = known && known->key_sha256 == asked.key_sha256;
  if (known && !same_key && (known->status == DeviceStatus::accepted || !enrolment.token_hash))
    return fail(kDeviceNameTaken,
                "the name " + asked.name + " belongs to a device with another key; choose another name, or delete that device");
  const bool accepted_before = same_key && known->status == DeviceStatus::accepted;
  if (enrolment.token_hash && !accepted_before) TRY(use_token(database, enrolment));
  const bool accepted = accepted_before || enrolment.token_hash;
  if (!known) {
    TRY(insert_device(database, enrolment, accepted));
  } else {
    TRY(database.run(
        "UPDATE devices SET status=?2,public_key=?3,key_sha256=?4,product=?5,hardware=?6,version=?7,last_seen_ms=?8 WHERE name=?1",
        asked.name, number_of(accepted ? DeviceStatus::accepted : DeviceStatus::pending), asked.public_key, asked.key_sha256, asked.product,
        asked.hardware, asked.version, enrolment.now_ms));
  }
  TRY(refresh_groups(database, asked.name));
  return find_device(database, asked.name);
}

Result<EnrolmentToken> insert_token(Database& database, EnrolmentToken token) {
  TRY(database.run("INSERT INTO enrolment_tokens(hash,note,created_ms,expires_ms) VALUES(?1,?2,?3,?4)", token.hash, token.note,
                   token.created_ms, token.expires_ms));
  token.id = database.last_id();
  return token;
}

Result<std::vector<Device>> filtered_devices(Database& database, const DeviceQuery& query) {
  constexpr int kFirstFilterValue = 4;
  const SqlCondition condition = compile_filter(*query.filter, query.now_ms, kFirstFilterValue);
  Statement row =
      TRY(database.query_once("SELECT " ALOFT_DEVICE_COLUMNS " FROM devices d WHERE d.name>?1 AND (?3 IS NULL OR d.status=?3) AND " +
                              condition.text + " ORDER BY d.name LIMIT ?2"));
  const std::uint64_t limit = query.limit;
  row.bind(1, query.after);
  row.bind(2, limit);
  if (query.status) row.bind(3, number_of(*query.status));
  bind_condition(row, condition, kFirstFilterValue);
  std::vector<Device> devices;
  while (TRY(row.step())) devices.push_back(device_row(row));
  return devices;
}

}  // namespace

Result<Device> find_device(Database& database, const std::string& name) {
  Statement statement = TRY(database.query("SELECT " ALOFT_DEVICE_COLUMNS " FROM devices d WHERE d.name=?1", name));
  if (!TRY(statement.step())) return fail(kDeviceUnknown, "there is no device " + name);
  return device_row(statement);
}

Result<std::uint64_t> find_device_id(Database& database, const std::string& name) {
  Statement row = TRY(database.query("SELECT id FROM devices WHERE name=?1", name));
  if (!TRY(row.step())) return fail(kDeviceUnknown, "there is no device " + name);
  return row.number(0);
}

Result<std::vector<Device>> SqliteStore::devices(const DeviceQuery& query) {
  const std::lock_guard lock(reader_mutex_);
  if (query.filter != nullptr) return filtered_devices(reader_, query);
  const std::uint64_t limit = query.limit;
  Statement statement =
      query.status
          ? TRY(reader_.query("SELECT " ALOFT_DEVICE_COLUMNS " FROM devices d WHERE d.status=?3 AND d.name>?1 ORDER BY d.name LIMIT ?2",
                              query.after, limit, number_of(*query.status)))
          : TRY(reader_.query("SELECT " ALOFT_DEVICE_COLUMNS " FROM devices d WHERE d.name>?1 ORDER BY d.name LIMIT ?2", query.after,
                              limit));
  std::vector<Device> devices;
  while (TRY(statement.step())) devices.push_back(device_row(statement));
  return devices;
}

Result<Device> SqliteStore::device(const std::string& name) {
  const std::lock_guard lock(reader_mutex_);
  return find_device(reader_, name);
}

void SqliteStore::enrol(Enrolment enrolment, Done<Device> done) {
  writer_.submit<Device>([this, enrolment = std::move(enrolment)](
                             Database& database) { return quotas_.within(database, [&] { return enrol_in(database, enrolment); }); },
                         std::move(done));
}

void SqliteStore::set_device_status(std::string name, DeviceStatus status, Done<Device> done) {
  writer_.submit<Device>(
      [name = std::move(name), status](Database& database) -> Result<Device> {
        TRY(database.run("UPDATE devices SET status=?2 WHERE name=?1", name, number_of(status)));
        TRY(refresh_groups(database, name));
        return find_device(database, name);
      },
      std::move(done));
}

void SqliteStore::delete_device(std::string name, Done<std::uint64_t> done) {
  writer_.submit<std::uint64_t>(
      [name = std::move(name)](Database& database) -> Result<std::uint64_t> {
        const std::uint64_t id = TRY(find_device_id(database, name));
        TRY(database.run("DELETE FROM devices WHERE id=?1", id));
        return id;
      },
      std::move(done));
}

void SqliteStore::record_last_seen(std::vector<LastSeen> seen, Done<> done) {
  writer_.submit<void>(
      [seen = std::move(seen)](Database& database) -> Result<> {
        for (const LastSeen& one : seen) TRY(database.run("UPDATE devices SET last_seen_ms=?2 WHERE name=?1", one.device, one.time_ms));
        return {};
      },
      std::move(done));
}

Result<std::vector<EnrolmentToken>> SqliteStore::enrolment_tokens() {
  const std::lock_guard lock(reader_mutex_);
  Statement statement =
      TRY(reader_.query("SELECT id,hash,note,created_ms,expires_ms,used_ms,used_by FROM enrolment_tokens ORDER BY id DESC LIMIT 10000"));
  std::vector<EnrolmentToken> tokens;
  while (TRY(statement.step()))
    tokens.push_back({.id = statement.number(0),
                      .hash = statement.digest(1),
                      .note = statement.text(2),
                      .created_ms = statement.number(3),
                      .expires_ms = statement.number(4),
                      .used_ms = statement.optional_number(5),
                      .used_by = statement.text(6)});
  return tokens;
}

void SqliteStore::add_enrolment_token(EnrolmentToken token, Done<EnrolmentToken> done) {
  writer_.submit<EnrolmentToken>(
      [this, token = std::move(token)](Database& database) {
        return quotas_.within(database, [&] { return insert_token(database, token); });
      },
      std::move(done));
}

void SqliteStore::delete_enrolment_token(std::uint64_t id, Done<> done) {
  writer_.submit<void>(
      [id](Database& database) -> Result<> {
        TRY(database.run("DELETE FROM enrolment_tokens WHERE id=?1", id));
        if (database.changed_rows() == 0) return fail(kTokenUnknown, "there is no enrolment token " + std::to_string(id));
        return {};
      },
      std::move(done));
}

}  // namespace aloft::fleet
