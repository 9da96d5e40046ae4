#include "fleet/sqlite_quotas.hpp"

#include "fleet/errors.hpp"
#include "fleet/sqlite_store.hpp"

namespace aloft::fleet {
namespace {

constexpr int kMaxLogsDropped = 100;  // by one upload: a limit that was lowered by much does not hold the writer up

Result<bool> drop_oldest_log(Database& database, std::uint64_t but) {
  TRY(
      database.run("DELETE FROM logs WHERE deployment=(SELECT deployment FROM logs WHERE deployment<>?1 ORDER BY received_ms,deployment "
                   "LIMIT 1)",
                   but));
  return database.changed_rows() != 0;
}

}  // namespace

Result<Amounts> read_amounts(Database& database) {
  Amounts amounts{};
  Statement row = TRY(database.query("SELECT what,amount FROM quota_use"));
  while (TRY(row.step()))
    if (const auto quota = quota_of(row.view(0))) amounts[static_cast<std::size_t>(*quota)] = row.number(1);
  return amounts;
}

void SqliteQuotas::set(const Limits& limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

Limits SqliteQuotas::current() const {
  const std::lock_guard lock(mutex_);
  return limits_;
}

Amounts SqliteQuotas::refused() const {
  Amounts refused{};
  for (std::size_t at = 0; at < kQuotas; ++at) refused[at] = refused_[at];
  return refused;
}

Result<> SqliteQuotas::check(const Limits& limits, const Amounts& before, const Amounts& after) const {
  std::optional<Quota> over;
  const Result<> checked = check_growth(limits, before, after, &over);
  if (over) ++refused_[static_cast<std::size_t>(*over)];
  return checked;
}

Result<> SqliteQuotas::make_room_for_log(Database& database, std::uint64_t deployment) const {
  const std::optional<std::uint64_t> limit = current().of(Quota::log_bytes);
  if (!limit) return {};
  for (int dropped = 0; dropped < kMaxLogsDropped; ++dropped) {
    if (TRY(read_amounts(database))[static_cast<std::size_t>(Quota::log_bytes)] <= *limit) return {};
    if (!TRY(drop_oldest_log(database, deployment))) return {};
  }
  return {};
}

void SqliteStore::set_limits(const Limits& limits) { quotas_.set(limits); }

Result<QuotaUse> SqliteStore::quota_use() {
  const std::lock_guard lock(reader_mutex_);
  return QuotaUse{.used = TRY(read_amounts(reader_)), .refused = quotas_.refused()};
}

}  // namespace aloft::fleet
