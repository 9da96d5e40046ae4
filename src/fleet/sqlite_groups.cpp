// Groups, tags and device types in the SQLite store.
#include <algorithm>

#include "fleet/errors.hpp"
#include "fleet/filter_sql.hpp"
#include "fleet/sqlite_rows.hpp"
#include "fleet/sqlite_store.hpp"

namespace aloft::fleet {
namespace {

#define ALOFT_GROUP_QUERY                                                                                                        \
  "SELECT g.id,g.name,g.description,g.filter IS NOT NULL,g.filter,(SELECT count(*) FROM group_members WHERE device_group=g.id)," \
  "g.created_ms,g.created_by FROM device_groups g "

constexpr std::uint64_t kMaxGroupsByFilter = 200;  // each change of a device is held against all of them

Group group_row(const Statement& row) {
  return {.id = row.number(0),
          .name = row.text(1),
          .description = row.text(2),
          .filter = row.number(3) != 0 ? std::optional(row.text(4)) : std::nullopt,
          .device_count = row.number(5),
          .created_ms = row.number(6),
          .created_by = row.text(7)};
}

Result<Group> find_group(Database& database, const std::string& name) {
  Statement row = TRY(database.query(ALOFT_GROUP_QUERY "WHERE g.name=?1", name));
  if (!TRY(row.step())) return fail(kGroupUnknown, "there is no group " + name);
  return group_row(row);
}

// Names of people's groups do not begin with a dot.
Result<Group> insert_draft(Database& database, const Group& group) {
  TRY(database.run("INSERT INTO device_groups(name,description,filter,created_ms,created_by) VALUES('.draft',?1,?2,?3,?4)",
                   group.description, group.filter, group.created_ms, group.created_by));
  Group draft = group;
  draft.id = database.last_id();
  draft.draft = true;
  TRY(database.run("UPDATE device_groups SET name='.draft-'||id WHERE id=?1", draft.id));
  return draft;
}

Result<> become_remnant(Database& database, std::uint64_t group) {
  return database.run("UPDATE device_groups SET name='.gone-'||id,filter=NULL WHERE id=?1", group);
}

Result<> check_room_for_filter(Database& database) {
  Statement row = TRY(database.query("SELECT count(*) FROM device_groups WHERE filter IS NOT NULL"));
  TRY(row.step());
  if (row.number(0) < kMaxGroupsByFilter) return {};
  return fail(kTooMany,
              "there are " + std::to_string(kMaxGroupsByFilter) + " groups by filter, which is the most; delete one that is not used");
}

std::unexpected<Error> name_taken(const std::string& name) {
  return fail(kGroupExists, "there is a group " + name + " already; change it, or choose another name");
}

Result<Group> insert_group(Database& database, const Group& group) {
  if (!group.filter) {
    TRY(database.run("INSERT INTO device_groups(name,description,created_ms,created_by) VALUES(?1,?2,?3,?4) ON CONFLICT DO NOTHING",
                     group.name, group.description, group.created_ms, group.created_by));
    if (database.changed_rows() == 0) return name_taken(group.name);
    return find_group(database, group.name);
  }
  TRY(check_room_for_filter(database));
  TRY(TRY(Filter::parse(*group.filter)).check_for_group());
  if (find_group(database, group.name)) return name_taken(group.name);
  return insert_draft(database, group);
}

Result<Group> update_group(Database& database, const Group& group) {
  Group present = TRY(find_group(database, group.name));
  if (present.filter.has_value() != group.filter.has_value())
    return fail(kGroupByFilter,
                "group " + group.name + " is " + (present.filter ? "by filter" : "by hand") + " and stays so; make a new group instead");
  if (group.filter && *group.filter != *present.filter) {
    TRY(TRY(Filter::parse(*group.filter)).check_for_group());
    present.description = group.description;
    present.filter = group.filter;
    present.replaces = present.id;
    return insert_draft(database, present);
  }
  TRY(database.run("UPDATE device_groups SET description=?2 WHERE id=?1", present.id, group.description));
  return find_group(database, group.name);
}

// Takes those among them that match: devices that change meanwhile are looked after by refresh_groups.
Result<> fill_some(Database& database, std::uint64_t draft, const std::vector<std::uint64_t>& devices) {
  std::string text;
  {
    Statement row = TRY(database.query("SELECT filter FROM device_groups WHERE id=?1 AND filter IS NOT NULL", draft));
    if (!TRY(row.step())) return {};
    text = row.text(0);
  }
  constexpr int kFirstFilterValue = 3;
  const Filter filter = TRY(Filter::parse(text));
  const SqlCondition condition = compile_filter(filter, 0, kFirstFilterValue);
  Statement insert =
      TRY(database.query_once("INSERT INTO group_members(device_group,device) SELECT ?1,d.id FROM json_each(?2) j CROSS JOIN devices d ON "
                              "d.id=j.value WHERE " +
                              condition.text + " ON CONFLICT DO NOTHING"));
  insert.bind(1, draft);
  insert.bind(2, Json(devices).dump());
  bind_condition(insert, condition, kFirstFilterValue);
  TRY(insert.step());
  return {};
}

Result<Group> put_in_place(Database& database, const Group& draft) {
  const Result<Group> present = find_group(database, draft.name);
  const bool is_new = draft.replaces == 0;
  if (present && present->id != draft.replaces) return name_taken(draft.name);
  if (!present && !is_new) return std::unexpected(present.error());
  if (present) TRY(become_remnant(database, present->id));
  TRY(database.run("UPDATE device_groups SET name=?2 WHERE id=?1", draft.id, draft.name));
  return find_group(database, draft.name);
}

Result<bool> clear_some(Database& database, std::uint64_t remnant) {
  const std::uint64_t most = kGroupDevicesAtOnce;
  TRY(
      database.run("DELETE FROM group_members WHERE device_group=?1 AND device IN (SELECT device FROM group_members WHERE device_group=?1 "
                   "LIMIT ?2)",
                   remnant, most));
  if (database.changed_rows() == most) return true;
  TRY(database.run("DELETE FROM device_groups WHERE id=?1 AND name LIKE '.%'", remnant));
  return false;
}

Result<Group> move_members(Database& database, const std::string& name, const MemberChange& devices) {
  const Group group = TRY(find_group(database, name));
  if (group.filter)
    return fail(kGroupByFilter, "the devices of group " + name + " are chosen by its filter; change that, or use a group by hand");
  for (const std::string& device : devices.add)
    TRY(database.run("INSERT INTO group_members(device_group,device) VALUES(?1,?2) ON CONFLICT DO NOTHING", group.id,
                     TRY(find_device_id(database, device))));
  for (const std::string& device : devices.remove)
    TRY(database.run("DELETE FROM group_members WHERE device_group=?1 AND device=?2", group.id, TRY(find_device_id(database, device))));
  return find_group(database, name);
}

Result<> move_tag(Database& database, const std::string& tag, const MemberChange& devices) {
  for (const std::string& device : devices.add) {
    TRY(database.run("INSERT INTO tags(device,tag) VALUES(?1,?2) ON CONFLICT DO NOTHING", TRY(find_device_id(database, device)), tag));
    TRY(refresh_groups(database, device));
  }
  for (const std::string& device : devices.remove) {
    TRY(database.run("DELETE FROM tags WHERE device=?1 AND tag=?2", TRY(find_device_id(database, device)), tag));
    TRY(refresh_groups(database, device));
  }
  return {};
}

Result<> write_device_type(Database& database, const DeviceType& type) {
  TRY(
      database.run("INSERT INTO device_types(product,description) VALUES(?1,?2) ON CONFLICT(product) DO UPDATE SET "
                   "description=excluded.description",
                   type.product, type.description));
  TRY(database.run("DELETE FROM hardware_classes WHERE product=?1", type.product));
  for (const DeviceType::Hardware& one : type.hardware)
    TRY(database.run("INSERT INTO hardware_classes(product,hardware,description) VALUES(?1,?2,?3)", type.product, one.hardware,
                     one.description));
  return {};
}

}  // namespace

Result<> refresh_groups(Database& database, const std::string& device) {
  std::vector<std::pair<std::uint64_t, std::string>> filters;
  {
    Statement row = TRY(database.query("SELECT id,filter FROM device_groups WHERE filter IS NOT NULL"));
    while (TRY(row.step())) filters.emplace_back(row.number(0), row.text(1));
  }
  if (filters.empty()) return {};
  const Result<DeviceFacts> facts = find_facts(database, device);
  if (!facts && facts.error().code.number == kDeviceUnknown.number) return {};
  if (!facts) return std::unexpected(facts.error());
  for (const auto& [group, text] : filters) {
    const Filter filter = TRY(Filter::parse(text));
    if (filter.matches(*facts, 0)) {
      TRY(database.run("INSERT INTO group_members(device_group,device) VALUES(?1,?2) ON CONFLICT DO NOTHING", group, facts->id));
    } else {
      TRY(database.run("DELETE FROM group_members WHERE device_group=?1 AND device=?2", group, facts->id));
    }
  }
  return {};
}

Result<std::vector<Group>> SqliteStore::groups() {
  const std::lock_guard lock(reader_mutex_);
  Statement row = TRY(reader_.query(ALOFT_GROUP_QUERY "WHERE g.name NOT LIKE '.%' ORDER BY g.name"));
  std::vector<Group> groups;
  while (TRY(row.step())) groups.push_back(group_row(row));
  return groups;
}

Result<Group> SqliteStore::group(const std::string& name) {
  const std::lock_guard lock(reader_mutex_);
  return find_group(reader_, name);
}

void SqliteStore::add_group(Group group, Done<Group> done) {
  writer_.submit<Group>([this, group = std::move(group)](
                            Database& database) { return quotas_.within(database, [&] { return insert_group(database, group); }); },
                        std::move(done));
}

void SqliteStore::change_group(Group group, Done<Group> done) {
  writer_.submit<Group>([group = std::move(group)](Database& database) { return update_group(database, group); }, std::move(done));
}

void SqliteStore::delete_group(std::string name, Done<> done) {
  writer_.submit<void>(
      [name = std::move(name)](Database& database) -> Result<> { return become_remnant(database, TRY(find_group(database, name)).id); },
      std::move(done));
}

Result<std::vector<std::uint64_t>> SqliteStore::group_candidates(const Group& draft) {
  const std::lock_guard lock(bulk_mutex_);
  const Filter filter = TRY(Filter::parse(draft.filter.value_or("")));
  const SqlCondition condition = compile_filter(filter, 0, 1);
  Statement row = TRY(bulk_reader_.query_once("SELECT d.id FROM devices d WHERE " + condition.text));
  bind_condition(row, condition, 1);
  std::vector<std::uint64_t> devices;
  while (TRY(row.step())) devices.push_back(row.number(0));
  std::ranges::sort(devices);
  return devices;
}

void SqliteStore::fill_group(std::uint64_t draft, std::vector<std::uint64_t> devices, Done<> done) {
  writer_.submit<void>([draft, devices = std::move(devices)](Database& database) { return fill_some(database, draft, devices); },
                       std::move(done));
}

void SqliteStore::finish_group(Group draft, Done<Group> done) {
  writer_.submit<Group>([this, draft = std::move(draft)](
                            Database& database) { return quotas_.within(database, [&] { return put_in_place(database, draft); }); },
                        std::move(done));
}

Result<Store::GroupRemnants> SqliteStore::group_remnants() {
  const std::lock_guard lock(reader_mutex_);
  Statement row = TRY(reader_.query("SELECT id,filter IS NOT NULL FROM device_groups WHERE name LIKE '.%'"));
  GroupRemnants remnants;
  while (TRY(row.step())) (row.number(1) != 0 ? remnants.drafts : remnants.gone).push_back(row.number(0));
  return remnants;
}

void SqliteStore::clear_group(std::uint64_t remnant, Done<bool> done) {
  writer_.submit<bool>([remnant](Database& database) { return clear_some(database, remnant); }, std::move(done));
}

void SqliteStore::change_members(std::string group, MemberChange devices, Done<Group> done) {
  writer_.submit<Group>(
      [group = std::move(group), devices = std::move(devices)](Database& database) { return move_members(database, group, devices); },
      std::move(done));
}

Result<std::vector<TagCount>> SqliteStore::tags() {
  const std::lock_guard lock(reader_mutex_);
  Statement row = TRY(reader_.query("SELECT tag,count(*) FROM tags GROUP BY tag ORDER BY tag"));
  std::vector<TagCount> tags;
  while (TRY(row.step())) tags.push_back({.tag = row.text(0), .device_count = row.number(1)});
  return tags;
}

void SqliteStore::change_tag(std::string tag, MemberChange devices, Done<> done) {
  writer_.submit<void>(
      [tag = std::move(tag), devices = std::move(devices)](Database& database) { return move_tag(database, tag, devices); },
      std::move(done));
}

Result<std::vector<DeviceType>> SqliteStore::device_types() {
  const std::lock_guard lock(reader_mutex_);
  Statement row = TRY(reader_.query(
      "SELECT u.product,coalesce(t.description,''),u.hardware,coalesce(c.description,''),c.product IS NOT NULL,"
      "(SELECT count(*) FROM devices WHERE product=u.product AND hardware=u.hardware) "
      "FROM (SELECT product,hardware FROM devices UNION SELECT product,hardware FROM hardware_classes UNION SELECT product,'' FROM "
      "device_types) u LEFT JOIN device_types t ON t.product=u.product LEFT JOIN hardware_classes c ON c.product=u.product AND "
      "c.hardware=u.hardware ORDER BY u.product,u.hardware"));
  std::vector<DeviceType> types;
  while (TRY(row.step())) {
    if (types.empty() || types.back().product != row.text(0))
      types.push_back({.product = row.text(0), .description = row.text(1), .hardware = {}});
    if (row.text(2).empty() && row.number(5) == 0) continue;
    types.back().hardware.push_back(
        {.hardware = row.text(2), .description = row.text(3), .described = row.number(4) != 0, .device_count = row.number(5)});
  }
  return types;
}

void SqliteStore::put_device_type(DeviceType type, Done<> done) {
  writer_.submit<void>([type = std::move(type)](Database& database) { return write_device_type(database, type); }, std::move(done));
}

}  // namespace aloft::fleet
