// How devices have been, in the SQLite store.
#include <algorithm>
#include <map>

#include "fleet/errors.hpp"
#include "fleet/sqlite_rows.hpp"
#include "fleet/sqlite_store.hpp"

namespace aloft::fleet {
namespace {

using protocol::Vitals;

constexpr std::uint64_t kKeptVersions = 16;  // of a device, of those that it no longer tells of

Result<> write_version(Database& database, std::uint64_t device, const Vitals::Version& version, std::uint64_t now_ms) {
  const auto& reboots = version.reboots;
  TRY(database.run(
      "INSERT INTO vitals(device,version,began,uptime_s,requested,watchdog,panic,overheated,power_fault,unclear,changed_ms) "
      "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11) ON CONFLICT(device,version) DO UPDATE SET began=excluded.began,"
      "uptime_s=excluded.uptime_s,requested=excluded.requested,watchdog=excluded.watchdog,panic=excluded.panic,"
      "overheated=excluded.overheated,power_fault=excluded.power_fault,unclear=excluded.unclear,changed_ms=excluded.changed_ms",
      device, version.version, version.began, version.uptime_s, reboots[0], reboots[1], reboots[2], reboots[3], reboots[4], reboots[5],
      now_ms));
  for (const auto& [name, metric] : version.metrics)
    TRY(
        database.run("INSERT INTO metrics(device,version,name,count,sum,last) VALUES(?1,?2,?3,?4,?5,?6) ON CONFLICT(device,version,name) "
                     "DO UPDATE SET count=excluded.count,sum=excluded.sum,last=excluded.last",
                     device, version.version, name, metric.count, metric.sum, metric.last));
  return {};
}

Result<> write_vitals(Database& database, const std::string& name, const Vitals& vitals, std::uint64_t now_ms) {
  const std::uint64_t device = TRY(find_device_id(database, name));
  TRY(database.run("UPDATE devices SET last_boot=?2 WHERE id=?1", device, protocol::to_string(vitals.last_boot)));
  if (vitals.versions.empty()) return {};
  // A device whose account was lost counts from the beginning: what it told before cannot be put in order with that any more.
  Json told = Json::array();
  for (const Vitals::Version& version : vitals.versions) told.push_back(version.version);
  TRY(database.run(
      "DELETE FROM vitals WHERE device=?1 AND version NOT IN (SELECT value FROM json_each(?2)) AND (began>=?3 OR began+?4<=?5)", device,
      told.dump(-1, ' ', false, Json::error_handler_t::replace), vitals.versions.front().began, kKeptVersions,
      vitals.versions.back().began));
  for (const Vitals::Version& version : vitals.versions) TRY(write_version(database, device, version, now_ms));
  return {};
}

protocol::Reboots reboots_at(const Statement& row, int column) {
  protocol::Reboots reboots{};
  for (std::size_t i = 0; i < reboots.size(); ++i) reboots[i] = row.number(column + static_cast<int>(i));
  return reboots;
}

// Those that a release's health is made of: n is a device's account of it, b of what the device ran before, if there is any.
#define ALOFT_HEALTH_ROWS                                                                                                                \
  "FROM vitals n JOIN devices d ON d.id=n.device LEFT JOIN vitals b ON b.device=n.device AND b.version=(SELECT p.version FROM vitals p " \
  "WHERE p.device=n.device AND p.began<n.began ORDER BY p.began DESC LIMIT 1) "
#define ALOFT_HEALTH_WHERE                                                                                                \
  "WHERE n.version=?2 AND d.product=?1 AND (?3 IS NULL OR EXISTS(SELECT 1 FROM rollout_devices r WHERE r.rollout=?3 AND " \
  "r.device=n.device "                                                                                                    \
  "AND r.state=2 AND r.changed_ms>?4))"

double per_hour(std::uint64_t count, std::uint64_t seconds) {
  return seconds == 0 ? 0 : static_cast<double>(count) * 3600 / static_cast<double>(seconds);
}

Result<> sum_reboots(Database& database, const HealthQuery& query, ReleaseHealth& health) {
  Statement row = TRY(
      database.query("SELECT b.version,count(*),sum(n.uptime_s),sum(n.requested),sum(n.watchdog),sum(n.panic),sum(n.overheated),"
                     "sum(n.power_fault),sum(n.unclear),sum(b.uptime_s),sum(b.requested),sum(b.watchdog),sum(b.panic),sum(b.overheated),"
                     "sum(b.power_fault),sum(b.unclear) " ALOFT_HEALTH_ROWS ALOFT_HEALTH_WHERE " GROUP BY b.version ORDER BY 2 DESC,1",
                     query.product, query.version, query.rollout, query.ended_after_ms));
  protocol::Reboots step{};
  protocol::Reboots before{};
  while (TRY(row.step())) {
    health.devices += row.number(1);
    health.uptime_s += row.number(2);
    const protocol::Reboots now = reboots_at(row, 3);
    const protocol::Reboots then = reboots_at(row, 10);
    for (std::size_t i = 0; i < now.size(); ++i) health.reboots[i] += now[i];
    if (row.text(0).empty()) continue;
    health.from.emplace_back(row.text(0), row.number(1));
    health.step_devices += row.number(1);
    health.step_uptime_s += row.number(2);
    health.before_uptime_s += row.number(9);
    for (std::size_t i = 0; i < now.size(); ++i) step[i] += now[i];
    for (std::size_t i = 0; i < now.size(); ++i) before[i] += then[i];
  }
  const auto measure = [&](const char* name, std::uint64_t (*count)(const protocol::Reboots&)) {
    health.measures.push_back({.name = name,
                               .devices = health.devices,
                               .value = per_hour(count(health.reboots), health.uptime_s),
                               .step_devices = health.step_devices,
                               .step_value = per_hour(count(step), health.step_uptime_s),
                               .before_value = per_hour(count(before), health.before_uptime_s)});
  };
  measure(kCrashReboots, protocol::crashes_in);
  measure(kUnexpectedReboots, protocol::unexpected_in);
  return {};
}

double median(std::vector<double>& values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

Result<> take_medians(Database& database, const HealthQuery& query, ReleaseHealth& health) {
  struct Values {
    std::vector<double> all;
    std::vector<double> step;
    std::vector<double> before;
  };
  std::map<std::string, Values> found;
  Statement row = TRY(database.query(
      "SELECT m.name,m.sum/m.count,o.sum/o.count " ALOFT_HEALTH_ROWS
      "JOIN metrics m ON m.device=n.device AND m.version=n.version AND (?5='' OR m.name IN (SELECT value FROM json_each(?5))) "
      "LEFT JOIN metrics o ON o.device=n.device AND o.version=b.version AND o.name=m.name " ALOFT_HEALTH_WHERE,
      query.product, query.version, query.rollout, query.ended_after_ms, query.only ? Json(*query.only).dump() : std::string()));
  while (TRY(row.step())) {
    Values& values = found[row.text(0)];
    values.all.push_back(row.real(1));
    const std::optional<double> before = row.optional_real(2);
    if (before) values.step.push_back(row.real(1));
    if (before) values.before.push_back(*before);
  }
  for (auto& [name, values] : found)
    health.measures.push_back({.name = name,
                               .devices = values.all.size(),
                               .value = median(values.all),
                               .step_devices = values.step.size(),
                               .step_value = median(values.step),
                               .before_value = median(values.before)});
  return {};
}

Result<std::map<std::string, Vitals::Metric>> metrics_of(Database& database, std::uint64_t device, const std::string& version) {
  Statement row = TRY(database.query("SELECT name,count,sum,last FROM metrics WHERE device=?1 AND version=?2", device, version));
  std::map<std::string, Vitals::Metric> metrics;
  while (TRY(row.step())) metrics.emplace(row.text(0), Vitals::Metric{.count = row.number(1), .sum = row.real(2), .last = row.real(3)});
  return metrics;
}

}  // namespace

void SqliteStore::put_vitals(std::string device, Vitals vitals, std::uint64_t now_ms, Done<> done) {
  writer_.submit<void>([device = std::move(device), vitals = std::move(vitals),
                        now_ms](Database& database) { return write_vitals(database, device, vitals, now_ms); },
                       std::move(done));
}

Result<DeviceHealth> SqliteStore::device_health(const std::string& name) {
  const std::lock_guard lock(reader_mutex_);
  const std::uint64_t device = TRY(find_device_id(reader_, name));
  DeviceHealth health;
  {
    Statement row = TRY(reader_.query("SELECT last_boot FROM devices WHERE id=?1", device));
    if (TRY(row.step())) health.last_boot = row.text(0);
  }
  Statement row = TRY(
      reader_.query("SELECT version,began,uptime_s,changed_ms,requested,watchdog,panic,overheated,power_fault,unclear FROM vitals WHERE "
                    "device=?1 ORDER BY began DESC",
                    device));
  while (TRY(row.step())) {
    auto metrics = TRY(metrics_of(reader_, device, row.text(0)));
    health.versions.push_back({.vitals = {.version = row.text(0),
                                          .began = row.number(1),
                                          .uptime_s = row.number(2),
                                          .reboots = reboots_at(row, 4),
                                          .metrics = std::move(metrics)},
                               .changed_ms = row.number(3)});
  }
  return health;
}

Result<ReleaseHealth> SqliteStore::release_health(const HealthQuery& query) {
  const std::lock_guard lock(bulk_mutex_);
  ReleaseHealth health;
  TRY(sum_reboots(bulk_reader_, query, health));
  TRY(take_medians(bulk_reader_, query, health));
  return health;
}

}  // namespace aloft::fleet
