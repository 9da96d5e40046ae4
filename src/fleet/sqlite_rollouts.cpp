// Rollouts in the SQLite store.
#include "fleet/sqlite_rollouts.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "fleet/errors.hpp"
#include "fleet/filter_sql.hpp"
#include "fleet/sqlite_rows.hpp"
#include "fleet/sqlite_store.hpp"

namespace aloft::fleet {
namespace {

#define ALOFT_ROLLOUT_COLUMNS                                                                                                              \
  "id,plan,version,state,reason,wave,reach,soak_until_ms,judged_after_ms,parent,(SELECT c.id FROM rollouts c WHERE c.parent=rollouts.id)," \
  "created_ms,created_by,approved_by,started_ms,changed_ms"

constexpr std::uint64_t kMaxActiveRollouts = 100;
constexpr std::size_t kExamples = 20;

Result<Rollout> rollout_row(const Statement& row) {
  return Rollout{.id = row.number(0),
                 .plan = TRY(rollout_plan_of(TRY(parse_json(row.text(1))))),
                 .version = row.text(2),
                 .state = static_cast<RolloutState>(row.number(3)),
                 .reason = row.text(4),
                 .wave = row.number(5),
                 .reach = row.number(6),
                 .soak_until_ms = row.number(7),
                 .judged_after_ms = row.number(8),
                 .parent = row.optional_number(9),
                 .successor = row.optional_number(10),
                 .created_ms = row.number(11),
                 .created_by = row.text(12),
                 .approved_by = row.text(13),
                 .started_ms = row.number(14),
                 .changed_ms = row.number(15)};
}

Result<MemberCounts> counts_of(Database& database, std::uint64_t rollout) {
  Statement row = TRY(database.query("SELECT state,count(*) FROM rollout_devices WHERE rollout=?1 GROUP BY state", rollout));
  MemberCounts counts{};
  while (TRY(row.step()))
    if (row.number(0) < counts.size()) counts[row.number(0)] = row.number(1);
  return counts;
}

// Why a device that matches the filter is left out; the empty text: it is not. Needs no more of a device than devices_by_fit has.
// release: of trusted words only its format is put into the text. Most are for one hardware: the list is looked at for other devices.
std::string fit_expression(const Release& release) {
  const std::string other =
      release.format == ReleaseFormat::aloft ? "" : "WHEN d.protocol=0 THEN 'runs aloftd, which does not take this file' ";
  return "(CASE WHEN d.status<>1 THEN 'not accepted' WHEN d.product<>?1 THEN 'another product' WHEN d.hardware IS NOT "
         "json_extract(?2,'$[0]') "
         "AND d.hardware NOT IN (SELECT value FROM json_each(?2)) THEN 'hardware that the release is not for' " +
         other + "WHEN d.version=?3 THEN 'has this version already' ELSE '' END)";
}

constexpr int kFirstFilterValue = 6;  // behind product, hardware, version, seed and one more

void bind_fit(Statement& statement, const Release& release, const SqlCondition& condition) {
  statement.bind(1, release.product);
  statement.bind(2, Json(release.hardware).dump());
  statement.bind(3, release.version);
  statement.bind(4, to_hex(release.sha256));
  bind_condition(statement, condition, kFirstFilterValue);
}

Result<std::uint64_t> insert_rollout(Database& database, const NewRollout& request, const Release& release,
                                     std::optional<std::uint64_t> parent) {
  TRY(database.run(
      "INSERT INTO rollouts(name,plan,release,version,seed,state,parent,created_ms,created_by,changed_ms) "
      "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?8)",
      request.plan.name, to_json(request.plan).dump(-1, ' ', false, Json::error_handler_t::replace), release.id, release.version,
      to_hex(release.sha256), static_cast<std::uint64_t>(RolloutState::gathering), parent, request.now_ms, request.created_by));
  const std::uint64_t id = database.last_id();
  TRY(note_rollout_event(database, id, "made", request.created_by, "", request.now_ms));
  return id;
}

Result<> check_plan(Database& database, const RolloutPlan& plan, const Release& release) {
  Statement row = TRY(database.query("SELECT count(*) FROM rollouts WHERE " ALOFT_ROLLOUT_UNDER_WAY));
  TRY(row.step());
  if (row.number(0) >= kMaxActiveRollouts)
    return fail(kTooMany,
                "there are " + std::to_string(kMaxActiveRollouts) + " rollouts under way, which is the most; finish or abort some");
  if (!plan.rollback_release) return {};
  const Release back = TRY(find_release(database, *plan.rollback_release));
  if (back.product != release.product || back.id == release.id)
    return fail(kRolloutPlan, "release " + std::to_string(back.id) + " cannot be what devices go back to: it is " +
                                  (back.id == release.id ? "the one that is rolled out" : "for product " + back.product));
  return {};
}

Result<std::vector<Candidate>> all_of(Statement row) {
  std::vector<Candidate> found;
  while (TRY(row.step())) found.push_back({.device = row.number(0), .sample = row.number(1)});
  std::ranges::sort(found, {}, &Candidate::device);
  return found;
}

Result<std::vector<Candidate>> find_candidates(Database& database, const Rollout& rollout) {
  if (rollout.parent)
    return all_of(
        TRY(database.query("SELECT p.device,p.sample FROM rollout_devices p JOIN devices d ON d.id=p.device WHERE p.rollout=?2 AND "
                           "p.state=2 AND d.version=(SELECT version FROM rollouts WHERE id=?2) AND NOT EXISTS(SELECT 1 FROM "
                           "rollout_devices m WHERE m.rollout=?1 AND m.device=p.device)",
                           rollout.id, *rollout.parent)));
  const Release release = TRY(find_release(database, rollout.plan.release));
  const Filter filter = TRY(Filter::parse(rollout.plan.filter));
  const SqlCondition condition = compile_filter(filter, rollout.created_ms, kFirstFilterValue);
  Statement row = TRY(database.query_once("SELECT d.id,aloft_sample(?4,d.name) FROM devices d WHERE " + condition.text + " AND " +
                                          fit_expression(release) +
                                          "='' AND NOT EXISTS(SELECT 1 FROM rollout_devices m WHERE m.rollout=?5 AND m.device=d.id)"));
  bind_fit(row, release, condition);
  row.bind(5, rollout.id);
  return all_of(std::move(row));
}

Result<Rollout> create(Database& database, const NewRollout& request) {
  const Release release = TRY(find_release(database, request.plan.release));
  TRY(check_plan(database, request.plan, release));
  const std::uint64_t id = TRY(insert_rollout(database, request, release, {}));
  return read_rollout(database, id);
}

// Devices by their samples; those with the lowest by name too.
struct Samples {
  std::vector<std::uint64_t> all;
  std::set<std::pair<std::uint64_t, std::string>> lowest;  // at most kExamples

  void add(std::uint64_t sample, std::string_view name) {
    all.push_back(sample);
    if (lowest.size() == kExamples && sample > lowest.rbegin()->first) return;
    lowest.emplace(sample, name);
    if (lowest.size() > kExamples) lowest.erase(std::prev(lowest.end()));
  }
};

// By their ids, which count up: one bit for each device that there ever was.
Result<std::vector<bool>> devices_with_deployment(Database& database) {
  Statement row = TRY(database.query("SELECT device FROM deployments WHERE active ORDER BY device DESC"));
  std::vector<bool> busy;
  while (TRY(row.step())) {
    const std::uint64_t device = row.number(0);
    if (busy.empty()) busy.resize(device + 1);
    busy[device] = true;
  }
  return busy;
}

// One walk over the devices that match: who is left out and why, and the samples of the others.
Result<Samples> sort_out(Database& database, const Release& release, const SqlCondition& condition, RolloutPreview& preview) {
  const std::vector<bool> busy = TRY(devices_with_deployment(database));
  Statement row = TRY(database.query_once("SELECT " + fit_expression(release) + ",d.name,d.id FROM devices d WHERE " + condition.text));
  bind_fit(row, release, condition);
  const Sampler sampler(to_hex(release.sha256));
  Samples samples;
  std::map<std::string, std::uint64_t, std::less<>> left_out;
  while (TRY(row.step())) {
    ++preview.matching;
    const std::string_view why = row.view(0);
    if (why.empty()) {
      const std::string_view name = row.view(1);
      samples.add(sampler.of(name), name);
      const std::uint64_t device = row.number(2);
      if (device < busy.size() && busy[device]) ++preview.busy;
    } else if (const auto known = left_out.find(why); known != left_out.end()) {
      ++known->second;
    } else {
      left_out.emplace(why, 1);
    }
  }
  preview.members = samples.all.size();
  preview.left_out.assign(left_out.begin(), left_out.end());
  std::ranges::stable_sort(preview.left_out, std::greater<>{}, &std::pair<std::string, std::uint64_t>::second);
  for (const auto& [sample, name] : samples.lowest) preview.examples.push_back(name);
  return samples;
}

void count_waves(const RolloutPlan& plan, const std::vector<std::uint64_t>& samples, RolloutPreview& preview) {
  std::size_t reached = 0;
  for (const RolloutPlan::Wave& wave : plan.waves) {
    const std::uint64_t reach = wave.permille.value_or(0) * kWholeTarget / 1000;
    const auto below = static_cast<std::size_t>(std::ranges::count_if(samples, [reach](std::uint64_t sample) { return sample < reach; }));
    const std::size_t end = std::max(reached, wave.permille ? below : std::min<std::size_t>(*wave.count, samples.size()));
    preview.waves.push_back(end - reached);
    reached = end;
  }
}

}  // namespace

Result<> note_rollout_event(Database& database, std::uint64_t rollout, std::string_view event, const std::string& by,
                            const std::string& detail, std::uint64_t now_ms) {
  return database.run("INSERT INTO rollout_events(rollout,time_ms,event,by,detail) VALUES(?1,?2,?3,?4,?5)", rollout, now_ms, event, by,
                      detail);
}

Result<Rollout> read_rollout(Database& database, std::uint64_t id) {
  Statement row = TRY(database.query("SELECT " ALOFT_ROLLOUT_COLUMNS " FROM rollouts WHERE id=?1", id));
  if (!TRY(row.step())) return fail(kRolloutUnknown, "there is no rollout " + std::to_string(id));
  return rollout_row(row);
}

Result<Rollout> find_rollout(Database& database, std::uint64_t id) {
  Rollout rollout = TRY(read_rollout(database, id));
  rollout.counts = TRY(counts_of(database, id));
  return rollout;
}

Result<Rollout> create_rollback(Database& database, const Rollout& parent, std::uint64_t now_ms) {
  const Release release = TRY(find_release(database, *parent.plan.rollback_release));
  NewRollout request{.plan = parent.plan, .created_by = "", .now_ms = now_ms};
  request.plan.name = "back from " + parent.plan.name;
  request.plan.description = "takes back rollout " + std::to_string(parent.id) + ": " + parent.reason;
  request.plan.release = release.id;
  request.plan.rollback_release.reset();
  request.plan.on_broken = RolloutPlan::OnBroken::pause;
  request.plan.waves = {{.permille = 1000, .count = {}, .soak_s = 0}};
  request.plan.adopt = false;
  request.plan.health_gates.clear();  // what the devices told of it was before
  request.plan.needs_approval = false;
  request.plan.start = RolloutPlan::Start::at_time;  // at once
  request.plan.start_at_ms = now_ms;
  request.plan.policy.consent = false;
  request.plan.policy.download_only = false;
  request.plan.name.resize(std::min<std::size_t>(request.plan.name.size(), 128));
  return read_rollout(database, TRY(insert_rollout(database, request, release, parent.id)));
}

Result<std::vector<Rollout>> SqliteStore::rollouts(std::optional<bool> active, std::uint64_t before, std::size_t limit) {
  // Those under way are counted by who runs them.
  const bool quick = active.value_or(false);
  const std::lock_guard lock(quick ? reader_mutex_ : bulk_mutex_);
  Database& reader = quick ? reader_ : bulk_reader_;
  std::vector<std::uint64_t> ids;
  {
    std::optional<std::uint64_t> under_way;
    if (active) under_way = *active ? 1 : 0;
    const std::uint64_t count = limit;
    Statement row = TRY(reader.query("SELECT id FROM rollouts WHERE id<?1 AND (?2 IS NULL OR (" ALOFT_ROLLOUT_UNDER_WAY
                                     ")=?2) ORDER BY id DESC LIMIT ?3",
                                     std::min<std::uint64_t>(before, INT64_MAX), under_way, count));
    while (TRY(row.step())) ids.push_back(row.number(0));
  }
  std::vector<Rollout> found;
  for (const std::uint64_t id : ids) found.push_back(TRY(quick ? read_rollout(reader, id) : find_rollout(reader, id)));
  return found;
}

Result<Rollout> SqliteStore::rollout(std::uint64_t id) {
  const std::lock_guard lock(bulk_mutex_);
  return find_rollout(bulk_reader_, id);
}

Result<RolloutPreview> SqliteStore::preview_rollout(const RolloutPlan& plan) {
  const std::lock_guard lock(bulk_mutex_);
  const Release release = TRY(find_release(bulk_reader_, plan.release));
  const Filter filter = TRY(Filter::parse(plan.filter));
  const SqlCondition condition = compile_filter(filter, 0, kFirstFilterValue);
  RolloutPreview preview;
  const Samples samples = TRY(sort_out(bulk_reader_, release, condition, preview));
  count_waves(plan, samples.all, preview);
  return preview;
}

void SqliteStore::add_rollout(NewRollout rollout, Done<Rollout> done) {
  writer_.submit<Rollout>([this, rollout = std::move(rollout)](
                              Database& database) { return quotas_.within(database, [&] { return create(database, rollout); }); },
                          std::move(done));
}

Result<std::vector<Candidate>> SqliteStore::candidates(std::uint64_t rollout) {
  const std::lock_guard lock(bulk_mutex_);
  return find_candidates(bulk_reader_, TRY(read_rollout(bulk_reader_, rollout)));
}

Result<std::vector<RolloutEventRow>> SqliteStore::rollout_events(std::uint64_t rollout) {
  const std::lock_guard lock(reader_mutex_);
  Statement row =
      TRY(reader_.query("SELECT id,time_ms,event,by,detail FROM rollout_events WHERE rollout=?1 ORDER BY id LIMIT 10000", rollout));
  std::vector<RolloutEventRow> events;
  while (TRY(row.step()))
    events.push_back({.id = row.number(0), .time_ms = row.number(1), .event = row.text(2), .by = row.text(3), .detail = row.text(4)});
  return events;
}

Result<std::vector<std::pair<std::uint64_t, std::uint64_t>>> SqliteStore::rollout_errors(std::uint64_t rollout) {
  const std::lock_guard lock(reader_mutex_);
  Statement row = TRY(reader_.query(
      "SELECT error,count(*) FROM deployments WHERE rollout=?1 AND error>0 AND NOT active GROUP BY error ORDER BY 2 DESC,1 LIMIT 100",
      rollout));
  std::vector<std::pair<std::uint64_t, std::uint64_t>> errors;
  while (TRY(row.step())) errors.emplace_back(row.number(0), row.number(1));
  return errors;
}

}  // namespace aloft::fleet
