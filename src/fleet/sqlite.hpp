// A thin layer over sqlite3: handles that close themselves, bound values, errors as results. One thread at a time per Database.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.hpp"
#include "crypto/sha256.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace aloft::fleet {

// The order of natural_order(), in every Database: "... COLLATE aloft_natural".
inline constexpr const char* kNaturalCollation = "aloft_natural";

// A statement with its values, resting on the database's cache; goes back there when it goes.
class Statement {
 public:
  enum class Rest : std::uint8_t { cache, nowhere };  // nowhere: it ends with its handle
  Statement(sqlite3* database, sqlite3_stmt* statement, Rest rest = Rest::cache)
      : database_(database), statement_(statement), rest_(rest) {}
  Statement(Statement&& other) noexcept
      : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)), rest_(other.rest_) {}
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  // Positions count from 1.
  void bind(int at, std::uint64_t value);
  void bind(int at, double value);
  void bind(int at, std::string_view text);
  void bind(int at, const std::string& text) { bind(at, std::string_view(text)); }
  void bind(int at, const char* text) { bind(at, std::string_view(text)); }
  void bind(int at, const crypto::Digest& digest);
  void bind(int at, std::nullopt_t);
  template <typename T>
  void bind(int at, const std::optional<T>& value) {
    if (value) bind(at, *value);
    if (!value) bind(at, std::nullopt);
  }

  // True: there is a row to read. Errors: kStoreFailed, kStoreFull.
  Result<bool> step();
  // Columns count from 0.
  std::uint64_t number(int column) const;
  std::optional<std::uint64_t> optional_number(int column) const;
  double real(int column) const;
  std::optional<double> optional_real(int column) const;
  std::string text(int column) const;
  std::string_view view(int column) const;  // until the next step
  crypto::Digest digest(int column) const;  // zeros when it is not 32 bytes

 private:
  sqlite3* database_;
  sqlite3_stmt* statement_;
  Rest rest_;
};

class Database {
 public:
  enum class Access : std::uint8_t { read_write, read_only };
  static Result<Database> open(const std::filesystem::path& file, Access access);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) = delete;
  ~Database();

  // Several statements without values.
  Result<> execute(const char* sql);
  // sql must be a literal: its statement is kept for the next time.
  template <typename... Values>
  Result<Statement> query(const char* sql, const Values&... values) {
    Statement statement = TRY(prepare(sql));
    int at = 0;
    (statement.bind(++at, values), ...);
    return statement;
  }
  // For a text made at run time; the values are bound by the caller.
  Result<Statement> query_once(const std::string& sql);
  // query() and run to the end.
  template <typename... Values>
  Result<> run(const char* sql, const Values&... values) {
    Statement statement = TRY(query(sql, values...));
    while (TRY(statement.step())) {
    }
    return {};
  }
  std::uint64_t last_id() const;
  std::uint64_t changed_rows() const;  // by the last run()
  bool in_transaction() const;

 private:
  explicit Database(sqlite3* handle) : handle_(handle) {}
  Result<Statement> prepare(const char* sql);
  sqlite3* handle_;
  std::unordered_map<const char*, sqlite3_stmt*> cache_;
};

}  // namespace aloft::fleet
