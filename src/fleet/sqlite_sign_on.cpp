// People from outside in the SQLite store.
#include "fleet/errors.hpp"
#include "fleet/sqlite_rows.hpp"
#include "fleet/sqlite_store.hpp"

namespace aloft::fleet {
namespace {

Result<> check_set_up(Database& database) {
  Statement row = TRY(database.query("SELECT EXISTS(SELECT 1 FROM users WHERE roles&16 AND password<>'')"));
  TRY(row.step());
  if (row.number(0) != 0) return {};
  return fail(kNotSetUp,
              "this server has no administrator with a password yet; make the first one with the link that it printed at its start");
}

Result<> put_user(Database& database, const OutsideUser& user) {
  Statement present = TRY(database.query("SELECT issuer FROM users WHERE name=?1", user.name));
  if (TRY(present.step())) {
    if (present.text(0).empty()) return fail(kUserExists, "there is a user " + user.name + " with a password already");
    if (present.text(0) != user.issuer)
      TRY(database.run("DELETE FROM access_tokens WHERE user=(SELECT id FROM users WHERE name=?1)", user.name));
  }
  return database.run(
      "INSERT INTO users(name,password,roles,created_ms,issuer,display) VALUES(?1,'',?2,?3,?4,?5) "
      "ON CONFLICT(name) DO UPDATE SET roles=excluded.roles,issuer=excluded.issuer,display=excluded.display",
      user.name, std::uint64_t{user.roles}, user.now_ms, user.issuer, user.display);
}

}  // namespace

void SqliteStore::admit_outside_user(OutsideUser user, AccessToken session, Done<AccessToken> done) {
  writer_.submit<AccessToken>(
      [this, user = std::move(user), session = std::move(session)](Database& database) {
        return quotas_.within(database, [&]() -> Result<AccessToken> {
          TRY(check_set_up(database));
          TRY(put_user(database, user));
          AccessToken token = session;
          token.user = user.name;
          return insert_access_token(database, std::move(token));
        });
      },
      std::move(done));
}

}  // namespace aloft::fleet
