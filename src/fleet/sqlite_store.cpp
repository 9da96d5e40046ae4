#include "fleet/sqlite_store.hpp"

#include "fleet/sqlite_schema.hpp"

namespace aloft::fleet {

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::filesystem::path& file) {
  Database writer = TRY(Database::open(file, Database::Access::read_write));
  TRY(migrate(writer));
  Database reader = TRY(Database::open(file, Database::Access::read_only));
  Database bulk_reader = TRY(Database::open(file, Database::Access::read_only));
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(writer), std::move(reader), std::move(bulk_reader)));
}

Result<std::optional<std::string>> SqliteStore::setting(const std::string& key) {
  const std::lock_guard lock(reader_mutex_);
  Statement statement = TRY(reader_.query("SELECT value FROM settings WHERE key=?1", key));
  if (!TRY(statement.step())) return std::nullopt;
  return statement.text(0);
}

void SqliteStore::put_setting(std::string key, std::optional<std::string> value, Done<> done) {
  writer_.submit<void>(
      [key = std::move(key), value = std::move(value)](Database& database) -> Result<> {
        if (!value) return database.run("DELETE FROM settings WHERE key=?1", key);
        return database.run("INSERT INTO settings(key,value) VALUES(?1,?2) ON CONFLICT(key) DO UPDATE SET value=excluded.value", key,
                            *value);
      },
      std::move(done));
}

void SqliteStore::check_writable(Done<> done) {
  writer_.submit<void>(
      [](Database& database) -> Result<> {
        return database.run(
            "INSERT INTO settings(key,value) VALUES('probe',hex(randomblob(8))) "
            "ON CONFLICT(key) DO UPDATE SET value=excluded.value");
      },
      std::move(done));
}

}  // namespace aloft::fleet
