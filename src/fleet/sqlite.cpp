#include "fleet/sqlite.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "fleet/errors.hpp"
#include "fleet/natural_order.hpp"
#include "fleet/rollout.hpp"

namespace aloft::fleet {
namespace {

std::unexpected<Error> store_error(sqlite3* database, std::string_view doing) {
  const int code = sqlite3_errcode(database) & 0xff;
  const int reason = sqlite3_system_errno(database);
  const bool full = code == SQLITE_FULL || (code == SQLITE_IOERR && (reason == ENOSPC || reason == EFBIG || reason == EDQUOT));
  if (full) return fail(kStoreFull, "the server's disk is full; nothing of this was kept: make room in its data folder and try again");
  return fail(kStoreFailed, std::string(doing) + " the server's database: " + sqlite3_errmsg(database));
}

int collate(void* /*unused*/, int left_size, const void* left, int right_size, const void* right) {
  return natural_order({static_cast<const char*>(left), static_cast<std::size_t>(left_size)},
                       {static_cast<const char*>(right), static_cast<std::size_t>(right_size)});
}

// aloft_sample(seed, device): see sample_of().
void take_sample(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  const auto text = [values](int at) {
    const void* bytes = sqlite3_value_blob(values[at]);
    return std::string_view(static_cast<const char*>(bytes), static_cast<std::size_t>(sqlite3_value_bytes(values[at])));
  };
  sqlite3_result_int64(context, static_cast<sqlite3_int64>(sample_of(text(0), text(1))));
}

}  // namespace

Statement::~Statement() {
  if (statement_ == nullptr) return;
  if (rest_ == Rest::nowhere) {
    sqlite3_finalize(statement_);
    return;
  }
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void Statement::bind(int at, std::uint64_t value) { sqlite3_bind_int64(statement_, at, static_cast<std::int64_t>(value)); }
void Statement::bind(int at, double value) { sqlite3_bind_double(statement_, at, value); }
void Statement::bind(int at, std::string_view text) {
  sqlite3_bind_text64(statement_, at, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}
void Statement::bind(int at, const crypto::Digest& digest) {
  sqlite3_bind_blob64(statement_, at, digest.data(), digest.size(), SQLITE_TRANSIENT);
}
void Statement::bind(int at, std::nullopt_t) { sqlite3_bind_null(statement_, at); }

Result<bool> Statement::step() {
  const int outcome = sqlite3_step(statement_);
  if (outcome == SQLITE_ROW) return true;
  if (outcome == SQLITE_DONE) return false;
  return store_error(database_, "working on");
}

std::uint64_t Statement::number(int column) const { return static_cast<std::uint64_t>(sqlite3_column_int64(statement_, column)); }

std::optional<std::uint64_t> Statement::optional_number(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
  return number(column);
}

double Statement::real(int column) const { return sqlite3_column_double(statement_, column); }

std::optional<double> Statement::optional_real(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
  return real(column);
}

std::string Statement::text(int column) const { return std::string(view(column)); }

std::string_view Statement::view(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  if (bytes == nullptr) return {};
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

crypto::Digest Statement::digest(int column) const {
  crypto::Digest digest{};
  const void* bytes = sqlite3_column_blob(statement_, column);
  if (bytes != nullptr && sqlite3_column_bytes(statement_, column) == static_cast<int>(digest.size()))
    std::memcpy(digest.data(), bytes, digest.size());
  return digest;
}

Result<Database> Database::open(const std::filesystem::path& file, Access access) {
  sqlite3* handle = nullptr;
  const int mode = access == Access::read_write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  const int outcome = sqlite3_open_v2(file.c_str(), &handle, mode | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(handle);
  if (outcome != SQLITE_OK) return store_error(handle, "opening");
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, 10'000);
  sqlite3_create_function_v2(handle, "aloft_sample", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr, take_sample, nullptr, nullptr,
                             nullptr);
  sqlite3_create_collation_v2(handle, kNaturalCollation, SQLITE_UTF8, nullptr, collate, nullptr);
  if (access == Access::read_write)
    TRY(database.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-32768;"));
  TRY(database.execute("PRAGMA trusted_schema=OFF;"));
  return database;
}

Database::Database(Database&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)), cache_(std::move(other.cache_)) {}

Database::~Database() {
  for (const auto& [sql, statement] : cache_) sqlite3_finalize(statement);
  sqlite3_close_v2(handle_);
}

Result<> Database::execute(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return store_error(handle_, "working on");
  return {};
}

Result<Statement> Database::prepare(const char* sql) {
  sqlite3_stmt*& statement = cache_[sql];
  if (statement == nullptr && sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
    cache_.erase(sql);
    return store_error(handle_, "asking");
  }
  return Statement(handle_, statement);
}

Result<Statement> Database::query_once(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) return store_error(handle_, "asking");
  return Statement(handle_, statement, Statement::Rest::nowhere);
}

std::uint64_t Database::last_id() const { return static_cast<std::uint64_t>(sqlite3_last_insert_rowid(handle_)); }
std::uint64_t Database::changed_rows() const { return static_cast<std::uint64_t>(sqlite3_changes64(handle_)); }
bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

}  // namespace aloft::fleet
