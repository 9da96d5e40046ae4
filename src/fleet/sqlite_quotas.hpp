// The limits of a SQLite store, held inside the transaction of each write. What there is of everything stands in the table quota_use,
// which triggers keep (sqlite_schema.cpp), so that looking costs the same however much there is.
#pragma once

#include <array>
#include <atomic>
#include <mutex>

#include "fleet/quota.hpp"
#include "fleet/sqlite.hpp"

namespace aloft::fleet {

Result<Amounts> read_amounts(Database& database);

class SqliteQuotas {
 public:
  void set(const Limits& limits);
  Amounts refused() const;

  // What `change` returns, or why what it made is over a limit: the caller's savepoint is to undo it then. On the writer's thread, where
  // nothing comes between.
  template <typename Change>
  auto within(Database& database, Change change) const -> decltype(change()) {
    const Limits limits = current();
    if (limits.none()) return change();
    const Amounts before = TRY(read_amounts(database));
    auto changed = change();
    if (!changed) return changed;
    TRY(check(limits, before, TRY(read_amounts(database))));
    return changed;
  }

  // Makes room for the deployment's log, which is there already, by deleting the oldest of others, a hundred at a time.
  Result<> make_room_for_log(Database& database, std::uint64_t deployment) const;

 private:
  Limits current() const;
  Result<> check(const Limits& limits, const Amounts& before, const Amounts& after) const;
  mutable std::mutex mutex_;
  Limits limits_;
  mutable std::array<std::atomic<std::uint64_t>, kQuotas> refused_{};
};

}  // namespace aloft::fleet
