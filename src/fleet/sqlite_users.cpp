// Users and the audit log in the SQLite store.
#include <algorithm>

#include "fleet/errors.hpp"
#include "fleet/sqlite_store.hpp"

namespace aloft::fleet {
namespace {

User user_row(const Statement& row) {
  return {.name = row.text(0),
          .password = row.text(1),
          .roles = static_cast<Roles>(row.number(2)),
          .created_ms = row.number(3),
          .issuer = row.text(4),
          .display = row.text(5)};
}

Result<User> find_user(Database& database, const std::string& name) {
  Statement row = TRY(database.query("SELECT name,password,roles,created_ms,issuer,display FROM users WHERE name=?1", name));
  if (!TRY(row.step())) return fail(kUserUnknown, "there is no user " + name);
  return user_row(row);
}

// Somebody must be left who can let others in, also when no identity provider answers.
Result<> check_an_admin_is_left(Database& database) {
  Statement row = TRY(database.query("SELECT count(*) FROM users WHERE roles&16 AND password<>''"));
  TRY(row.step());
  if (row.number(0) != 0) return {};
  return fail(kLastAdmin, "this is the last administrator with a password; make another one first");
}

Result<User> update_user(Database& database, const UserChange& change) {
  const User present = TRY(find_user(database, change.name));
  if (!present.issuer.empty())
    return fail(kUserFromOutside,
                "the identity provider " + present.issuer + " says what " + change.name + " may do; change the groups there");
  TRY(database.run("UPDATE users SET password=?2,roles=?3 WHERE name=?1", change.name, change.password.value_or(present.password),
                   std::uint64_t{change.roles.value_or(present.roles)}));
  TRY(check_an_admin_is_left(database));
  // Whoever sets a password ends the sessions that the old one began.
  if (change.password)
    TRY(database.run("DELETE FROM access_tokens WHERE kind=0 AND user=(SELECT id FROM users WHERE name=?1)", change.name));
  return find_user(database, change.name);
}

Result<User> insert_user(Database& database, const User& user) {
  TRY(database.run("INSERT INTO users(name,password,roles,created_ms) VALUES(?1,?2,?3,?4) ON CONFLICT DO NOTHING", user.name, user.password,
                   std::uint64_t{user.roles}, user.created_ms));
  if (database.changed_rows() == 0) return fail(kUserExists, "there is a user " + user.name + " already");
  return user;
}

}  // namespace

Result<std::vector<User>> SqliteStore::users() {
  const std::lock_guard lock(reader_mutex_);
  Statement row = TRY(reader_.query("SELECT name,'',roles,created_ms,issuer,display FROM users ORDER BY name"));
  std::vector<User> users;
  while (TRY(row.step())) users.push_back(user_row(row));
  return users;
}

void SqliteStore::add_user(User user, Done<User> done) {
  writer_.submit<User>(
      [this, user = std::move(user)](Database& database) { return quotas_.within(database, [&] { return insert_user(database, user); }); },
      std::move(done));
}

void SqliteStore::change_user(UserChange change, Done<User> done) {
  writer_.submit<User>([change = std::move(change)](Database& database) { return update_user(database, change); }, std::move(done));
}

void SqliteStore::delete_user(std::string name, Done<> done) {
  writer_.submit<void>(
      [name = std::move(name)](Database& database) -> Result<> {
        TRY(database.run("DELETE FROM users WHERE name=?1", name));
        if (database.changed_rows() == 0) return fail(kUserUnknown, "there is no user " + name);
        return check_an_admin_is_left(database);
      },
      std::move(done));
}

void SqliteStore::begin_audit(AuditEntry entry, Done<std::uint64_t> done) {
  writer_.submit<std::uint64_t>(
      [entry = std::move(entry)](Database& database) -> Result<std::uint64_t> {
        TRY(database.run("INSERT INTO audit(time_ms,user,peer,method,path,detail) VALUES(?1,?2,?3,?4,?5,?6)", entry.time_ms, entry.user,
                         entry.peer, entry.method, entry.path, entry.detail));
        return database.last_id();
      },
      std::move(done));
}

void SqliteStore::end_audit(std::uint64_t id, std::uint64_t status, std::uint64_t error, Done<> done) {
  writer_.submit<void>(
      [=](Database& database) { return database.run("UPDATE audit SET status=?2,error=?3 WHERE id=?1", id, status, error); },
      std::move(done));
}

Result<std::vector<AuditEntry>> SqliteStore::audit(std::optional<std::string> user, std::uint64_t before, std::size_t limit) {
  const std::lock_guard lock(reader_mutex_);
  const std::uint64_t count = limit;
  Statement row =
      TRY(reader_.query("SELECT id,time_ms,user,peer,method,path,detail,status,error FROM audit WHERE id<?1 AND (?2 IS NULL OR user=?2) "
                        "ORDER BY id DESC LIMIT ?3",
                        std::min<std::uint64_t>(before, INT64_MAX), user, count));
  std::vector<AuditEntry> entries;
  while (TRY(row.step()))
    entries.push_back({.id = row.number(0),
                       .time_ms = row.number(1),
                       .user = row.text(2),
                       .peer = row.text(3),
                       .method = row.text(4),
                       .path = row.text(5),
                       .detail = row.text(6),
                       .status = row.optional_number(7),
                       .error = row.number(8)});
  return entries;
}

}  // namespace aloft::fleet
