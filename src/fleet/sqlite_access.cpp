// People and scripts in the SQLite store.
#include "fleet/errors.hpp"
#include "fleet/sqlite_rows.hpp"
#include "fleet/sqlite_store.hpp"

namespace aloft::fleet {

Result<AccessToken> insert_access_token(Database& database, AccessToken token) {
  TRY(
      database.run("INSERT INTO access_tokens(kind,user,hash,note,created_ms,expires_ms,client,address,used_ms) "
                   "SELECT ?1,id,?3,?4,?5,?6,?7,?8,?9 FROM users WHERE name=?2",
                   static_cast<std::uint64_t>(token.kind), token.user, token.hash, token.note, token.created_ms, token.expires_ms,
                   token.client, token.address, token.used_ms));
  if (database.changed_rows() == 0) return fail(kTokenUnknown, "the user " + token.user + " is no longer there");
  token.id = database.last_id();
  Statement row = TRY(database.query("SELECT roles,issuer,display FROM users WHERE name=?1", token.user));
  if (!TRY(row.step())) return token;
  token.roles = static_cast<Roles>(row.number(0));
  token.issuer = row.text(1);
  token.display = row.text(2);
  return token;
}

Result<std::optional<User>> SqliteStore::user(const std::string& name) {
  const std::lock_guard lock(reader_mutex_);
  Statement statement = TRY(reader_.query("SELECT name,password,roles,created_ms,issuer,display FROM users WHERE name=?1", name));
  if (!TRY(statement.step())) return std::nullopt;
  return User{.name = statement.text(0),
              .password = statement.text(1),
              .roles = static_cast<Roles>(statement.number(2)),
              .created_ms = statement.number(3),
              .issuer = statement.text(4),
              .display = statement.text(5)};
}

Result<std::uint64_t> SqliteStore::user_count() {
  const std::lock_guard lock(reader_mutex_);
  Statement statement = TRY(reader_.query("SELECT count(*) FROM users"));
  TRY(statement.step());
  return statement.number(0);
}

void SqliteStore::add_first_user(User user, Done<> done) {
  writer_.submit<void>(
      [user = std::move(user)](Database& database) -> Result<> {
        TRY(database.run("INSERT INTO users(name,password,created_ms) SELECT ?1,?2,?3 WHERE NOT EXISTS(SELECT 1 FROM users)", user.name,
                         user.password, user.created_ms));
        if (database.changed_rows() == 0) return fail(kUserExists, "this server has been set up already; log in instead");
        return {};
      },
      std::move(done));
}

Result<std::vector<AccessToken>> SqliteStore::access_tokens() {
  const std::lock_guard lock(reader_mutex_);
  Statement statement = TRY(reader_.query(
      "SELECT t.id,t.kind,u.name,t.hash,t.note,t.created_ms,t.expires_ms,u.roles,u.issuer,u.display,t.client,t.address,t.used_ms FROM "
      "access_tokens t JOIN users u ON "
      "u.id=t.user ORDER BY t.id"));
  std::vector<AccessToken> tokens;
  while (TRY(statement.step()))
    tokens.push_back({.id = statement.number(0),
                      .kind = static_cast<AccessToken::Kind>(statement.number(1)),
                      .user = statement.text(2),
                      .roles = static_cast<Roles>(statement.number(7)),
                      .issuer = statement.text(8),
                      .display = statement.text(9),
                      .hash = statement.digest(3),
                      .note = statement.text(4),
                      .created_ms = statement.number(5),
                      .expires_ms = statement.optional_number(6),
                      .client = statement.text(10),
                      .address = statement.text(11),
                      .used_ms = statement.number(12)});
  return tokens;
}

void SqliteStore::add_access_token(AccessToken token, Done<AccessToken> done) {
  writer_.submit<AccessToken>(
      [this, token = std::move(token)](Database& database) {
        return quotas_.within(database, [&] { return insert_access_token(database, token); });
      },
      std::move(done));
}

void SqliteStore::delete_access_token(std::uint64_t id, Done<> done) {
  writer_.submit<void>(
      [id](Database& database) -> Result<> {
        TRY(database.run("DELETE FROM access_tokens WHERE id=?1", id));
        if (database.changed_rows() == 0) return fail(kTokenUnknown, "there is no token " + std::to_string(id));
        return {};
      },
      std::move(done));
}

void SqliteStore::end_sessions(std::string user, std::uint64_t but, Done<> done) {
  writer_.submit<void>(
      [user = std::move(user), but](Database& database) {
        return database.run("DELETE FROM access_tokens WHERE kind=0 AND id<>?2 AND user=(SELECT id FROM users WHERE name=?1)", user, but);
      },
      std::move(done));
}

void SqliteStore::record_token_use(std::vector<TokenUse> used, Done<> done) {
  writer_.submit<void>(
      [used = std::move(used)](Database& database) -> Result<> {
        for (const TokenUse& one : used) TRY(database.run("UPDATE access_tokens SET used_ms=?2 WHERE id=?1", one.token, one.time_ms));
        return {};
      },
      std::move(done));
}

void SqliteStore::delete_expired_access_tokens(std::uint64_t now_ms, Done<> done) {
  writer_.submit<void>(
      [now_ms](Database& database) {
        return database.run("DELETE FROM access_tokens WHERE expires_ms IS NOT NULL AND expires_ms<=?1", now_ms);
      },
      std::move(done));
}

}  // namespace aloft::fleet
