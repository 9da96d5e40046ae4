// What is known of one device, and searches by filter, in the SQLite store.
#include <algorithm>

#include "fleet/errors.hpp"
#include "fleet/filter_sql.hpp"
#include "fleet/sqlite_rows.hpp"
#include "fleet/sqlite_store.hpp"

namespace aloft::fleet {
namespace {

std::optional<UpdateState> state_of(std::optional<std::uint64_t> number) {
  if (!number) return std::nullopt;
  return static_cast<UpdateState>(*number);
}

Result<std::set<std::string>> texts_of(Database& database, const char* sql, std::uint64_t device) {
  Statement row = TRY(database.query(sql, device));
  std::set<std::string> texts;
  while (TRY(row.step())) texts.insert(row.text(0));
  return texts;
}

Result<Attributes> attributes_of(Database& database, std::uint64_t device) {
  Statement row = TRY(database.query("SELECT key,value FROM attributes WHERE device=?1", device));
  Attributes attributes;
  while (TRY(row.step())) attributes.emplace(row.text(0), row.text(1));
  return attributes;
}

}  // namespace

Result<bool> replace_attributes(Database& database, const std::string& device, const Attributes& attributes) {
  const DeviceFacts facts = TRY(find_facts(database, device));
  if (facts.attributes == attributes) return false;
  for (const auto& [key, value] : facts.attributes)
    if (!attributes.contains(key)) TRY(database.run("DELETE FROM attributes WHERE device=?1 AND key=?2", facts.id, key));
  for (const auto& [key, value] : attributes)
    TRY(
        database.run("INSERT INTO attributes(device,key,value) VALUES(?1,?2,?3) ON CONFLICT(device,key) DO UPDATE SET value=excluded.value "
                     "WHERE value<>excluded.value",
                     facts.id, key, value));
  TRY(refresh_groups(database, device));
  return true;
}

Result<DeviceFacts> find_facts(Database& database, const std::string& name) {
  DeviceFacts facts;
  {
    Statement row = TRY(database.query(
        "SELECT d.id,d.name,d.status,d.product,d.hardware,d.version,d.created_ms,d.last_seen_ms,"
        "(SELECT state FROM deployments WHERE device=d.id ORDER BY id DESC LIMIT 1),d.protocol FROM devices d WHERE d.name=?1",
        name));
    if (!TRY(row.step())) return fail(kDeviceUnknown, "there is no device " + name);
    facts = {.id = row.number(0),
             .name = row.text(1),
             .status = static_cast<DeviceStatus>(row.number(2)),
             .protocol = static_cast<DeviceProtocol>(row.number(9)),
             .product = row.text(3),
             .hardware = row.text(4),
             .version = row.text(5),
             .created_ms = row.number(6),
             .last_seen_ms = row.number(7),
             .update_status = update_status_of(static_cast<DeviceStatus>(row.number(2)), state_of(row.optional_number(8))),
             .attributes = {},
             .tags = {},
             .groups = {}};
  }
  facts.attributes = TRY(attributes_of(database, facts.id));
  facts.tags = TRY(texts_of(database, "SELECT tag FROM tags WHERE device=?1", facts.id));
  facts.groups = TRY(texts_of(
      database, "SELECT g.name FROM group_members m JOIN device_groups g ON g.id=m.device_group WHERE m.device=?1 AND g.name NOT LIKE '.%'",
      facts.id));
  return facts;
}

Result<DeviceFacts> SqliteStore::device_facts(const std::string& name) {
  const std::lock_guard lock(reader_mutex_);
  return find_facts(reader_, name);
}

Result<std::uint64_t> SqliteStore::last_seen(std::uint64_t device) {
  const std::lock_guard lock(reader_mutex_);
  Statement row = TRY(reader_.query("SELECT last_seen_ms FROM devices WHERE id=?1", device));
  if (!TRY(row.step())) return fail(kDeviceUnknown, "there is no device of number " + std::to_string(device));
  return row.number(0);
}

Result<std::uint64_t> SqliteStore::count_devices(const Filter& filter, std::uint64_t now_ms) {
  const std::lock_guard lock(reader_mutex_);
  const SqlCondition condition = compile_filter(filter, now_ms, 1);
  Statement row = TRY(reader_.query_once("SELECT count(*) FROM devices d WHERE " + condition.text));
  bind_condition(row, condition, 1);
  TRY(row.step());
  return row.number(0);
}

void SqliteStore::set_attributes(std::string device, Attributes attributes, Done<bool> done) {
  writer_.submit<bool>([device = std::move(device), attributes = std::move(attributes)](
                           Database& database) { return replace_attributes(database, device, attributes); },
                       std::move(done));
}

}  // namespace aloft::fleet
