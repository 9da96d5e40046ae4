#include "server/rollouts.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/unix_time.hpp"
#include "fleet/errors.hpp"
#include "httpd/elsewhere.hpp"

namespace aloft::server {
namespace {

using httpd::delivered;
using httpd::offloaded;

constexpr std::chrono::milliseconds kTick{250};
constexpr std::chrono::seconds kWatchInterval{2};
constexpr std::chrono::seconds kAgainAfter{5};

bool takes_in(const fleet::Rollout& rollout) { return rollout.plan.adopt && !fleet::is_final(rollout.state); }

}  // namespace

Rollouts::Rollouts(httpd::Tasks& tasks, fleet::Store& store, Roster& roster, Changes& changes, Clock& clock)
    : tasks_(tasks),
      store_(store),
      roster_(roster),
      changes_(changes),
      clock_(clock),
      sleeper_(tasks.loop().get_executor()),
      watch_sleeper_(tasks.loop().get_executor()),
      pieces_(store, disk_, clock) {
  changes_.follow({.device = [this](const std::string& name) { device_changed(name); },
                   .deployment = [this](const fleet::Deployment& deployment) { deployment_changed(deployment); },
                   .groups = [this] { groups_changed(); },
                   .rollout = {},
                   .deleted = [this](std::uint64_t device) { device_deleted(device); }});
}

std::uint64_t Rollouts::now_ms() const { return unix_ms(clock_.now()); }

std::shared_ptr<Rollouts::Running> Rollouts::find(std::uint64_t id) const {
  const auto found = running_.find(id);
  return found == running_.end() ? nullptr : found->second;
}

std::optional<fleet::Rollout> Rollouts::live(std::uint64_t id) const {
  const auto running = find(id);
  if (!running) return std::nullopt;
  return running->run.rollout();
}

std::vector<fleet::Rollout> Rollouts::all_live() const {
  std::vector<fleet::Rollout> all;
  for (const auto& [id, running] : running_) all.push_back(running->run.rollout());
  return all;
}

Result<std::shared_ptr<Rollouts::Running>> Rollouts::read(fleet::Store& store, const fleet::Rollout& rollout, std::uint64_t now_ms) {
  const std::vector<fleet::Member> members = TRY(store.all_members(rollout.id));
  auto filter = TRY(fleet::Filter::parse(rollout.plan.filter));
  auto release = TRY(store.release(rollout.plan.release));
  return std::make_shared<Running>(
      Running{.run = fleet::RolloutRun(rollout, members, now_ms), .filter = std::move(filter), .release = std::move(release)});
}

Result<> Rollouts::load() {
  for (const fleet::Rollout& rollout : TRY(store_.rollouts(true, UINT64_MAX, 1000))) {
    running_.emplace(rollout.id, TRY(read(store_, rollout, now_ms())));
    if (rollout.state == fleet::RolloutState::gathering) leave(Leftover::gather, rollout.id, {});
    if (!rollout.parent) continue;
    const fleet::Rollout parent = TRY(store_.rollout(*rollout.parent));
    successors_.emplace(parent.id, Successor{.rollout = rollout.id, .parent_version = parent.version});
  }
  const fleet::RolloutStore::Leftovers left = TRY(store_.leftovers());
  for (const std::uint64_t id : left.to_withdraw) leave(Leftover::withdraw, id, {});
  for (const std::uint64_t id : left.to_let_go) leave(Leftover::let_go, id, {});
  return {};
}

void Rollouts::begin() {
  // What came to match while the server was down, or in its last moment.
  for (const auto& [id, running] : running_) {
    const fleet::Rollout& rollout = running->run.rollout();
    if (rollout.state != fleet::RolloutState::gathering && (takes_in(rollout) || rollout.parent)) tasks_.begin(join_all(id));
  }
  tasks_.begin(tick_until_stopped());
  tasks_.begin(watch());
}

void Rollouts::stop() {
  stopping_ = true;
  pieces_.stop();
  sleeper_.wake();
  watch_sleeper_.wake();
}

httpd::Awaitable<void> Rollouts::tick_until_stopped() {
  while (!stopping_) {
    tick();
    co_await sleeper_.sleep_until(std::chrono::steady_clock::now() + kTick);
  }
}

void Rollouts::tick() {
  begin_leftovers();
  const auto last_seen = [this](std::uint64_t device) { return store_.last_seen(device).value_or(0); };
  for (const auto& [id, running] : running_)
    for (fleet::Order& order : running->run.tick(now_ms(), last_seen)) {
      if (auto* offered = std::get_if<fleet::OfferOrder>(&order)) tasks_.begin(offer(id, std::move(*offered)));
      if (auto* silent = std::get_if<fleet::SilenceOrder>(&order)) tasks_.begin(silence(id, *silent));
      if (auto* moved = std::get_if<fleet::MoveOrder>(&order)) tasks_.begin(move_by_itself(id, std::move(*moved)));
    }
}

void Rollouts::tell(const fleet::Deployment& deployment) {
  roster_.apply(deployment);
  changes_.deployment(deployment);
}

// A look at a million devices takes long: the longer, the rarer.
httpd::Awaitable<void> Rollouts::watch() {
  while (!stopping_) {
    const auto began = std::chrono::steady_clock::now();
    std::vector<std::uint64_t> wanted;
    for (const auto& [id, running] : running_)
      if (running->run.wants_health()) wanted.push_back(id);
    for (const std::uint64_t id : wanted) co_await look_at_health(id);
    wanted.clear();
    for (const auto& [id, running] : running_)
      if (running->run.waits_for_others()) wanted.push_back(id);
    for (const std::uint64_t id : wanted) co_await look_for_others(id);
    const auto now = std::chrono::steady_clock::now();
    co_await watch_sleeper_.sleep_until(now + std::max<std::chrono::steady_clock::duration>(kWatchInterval, 20 * (now - began)));
  }
}

httpd::Awaitable<void> Rollouts::look_at_health(std::uint64_t id) {
  auto running = find(id);
  if (!running) co_return;
  const fleet::Rollout& rollout = running->run.rollout();
  fleet::HealthQuery query{.product = running->release.product,
                           .version = running->release.version,
                           .rollout = id,
                           .ended_after_ms = rollout.judged_after_ms,
                           .only = std::vector<std::string>{}};
  for (const fleet::HealthGate& gate : rollout.plan.health_gates) query.only->push_back(gate.measure);
  auto work = [this, &query] { return store_.release_health(query); };
  Result<fleet::ReleaseHealth> health = co_await offloaded(disk_, work);
  if (!health) {
    log::warning("how the devices of rollout " + std::to_string(id) + " do is not known: " + health.error().text());
    co_return;
  }
  running = find(id);
  if (running) running->run.observed(*std::move(health), query.ended_after_ms);
}

// A rollout that takes another back ends when nobody is left who may commit that one.
httpd::Awaitable<void> Rollouts::look_for_others(std::uint64_t id) {
  auto running = find(id);
  if (!running) co_return;
  const std::uint64_t parent = *running->run.rollout().parent;
  running.reset();  // what ends meanwhile is not to go here
  auto work = [this, parent] { return store_.may_still_commit(parent); };
  const Result<bool> more = co_await offloaded(disk_, work);
  if (!more) log::warning("whether rollout " + std::to_string(id) + " gets more devices is not known: " + more.error().text());
  if (!more || *more) co_return;
  // Whoever has committed is in the store by now, if not in here.
  const Result<RolloutPieces::Outcome> gathered = co_await gather(id);
  if (!gathered || *gathered != RolloutPieces::Outcome::complete) co_return;
  // Writes are told of in their order: what join() had begun has been heard of when this one is.
  auto start = [this, id](auto done) { store_.add_members(id, {}, now_ms(), done); };
  const auto heard = co_await delivered<Result<std::vector<fleet::Member>>>(start);
  running = find(id);
  if (heard && running) running->run.nobody_else_comes();
}

httpd::Awaitable<void> Rollouts::offer(std::uint64_t id, fleet::OfferOrder order) {
  auto start = [this, id, &order](auto done) { store_.offer({.rollout = id, .order = order, .now_ms = now_ms()}, done); };
  const Result<fleet::OfferOutcome> outcome = co_await delivered<Result<fleet::OfferOutcome>>(start);
  const auto running = find(id);
  if (!outcome) log::warning("rollout " + std::to_string(id) + " cannot offer: " + outcome.error().text());
  if (outcome) {
    // A rollout that has ended meanwhile withdrew what it had; this came later.
    if (running)
      for (const fleet::Deployment& deployment : outcome->made) running->run.offered(deployment.device_id, deployment.id, now_ms());
    if (running)
      for (const auto& refused : outcome->refused) running->run.refused(refused.device, refused.why, now_ms());
    for (const fleet::Deployment& deployment : outcome->made) tell(deployment);
    if (running && !outcome->made.empty()) changes_.rollout(id);
    if (order.devices.size() == fleet::kMaxOffersAtOnce) sleeper_.wake();  // there may be more to do
  } else if (running) {
    running->run.not_carried_out(order, now_ms());
  }
}

httpd::Awaitable<void> Rollouts::silence(std::uint64_t id, fleet::SilenceOrder order) {
  auto start = [this, id, &order](auto done) { store_.end_silent(id, order, now_ms(), done); };
  const auto outcome = co_await delivered<Result<std::optional<fleet::Deployment>>>(start);
  const auto running = find(id);
  if (!outcome && running) running->run.not_silenced(order.device, now_ms());
  if (!outcome || !*outcome) {
    // It had ended by itself: that report is on its way here.
    if (outcome && running) running->run.not_silenced(order.device, now_ms());
    co_return;
  }
  if (running) running->run.silenced(order.device, now_ms());
  tell(**outcome);
  changes_.rollout(id);
}

httpd::Awaitable<Result<>> Rollouts::move(std::uint64_t id, fleet::MoveOrder order) {
  auto start = [this, &order](auto done) { store_.move_rollout(order, done); };
  Result<fleet::MoveOutcome> outcome = co_await delivered<Result<fleet::MoveOutcome>>(start);
  auto running = find(id);
  if (!running) co_return Result<>{};
  if (!outcome) {
    running->run.not_moved(now_ms());
    co_return std::unexpected(outcome.error());
  }
  running->run.moved(order);
  const fleet::Rollout& now = running->run.rollout();
  log::info("rollout " + std::to_string(id) + " is " + std::string(fleet::to_string(now.state)) +
            (now.reason.empty() ? "" : ": " + now.reason));
  // A million members take a while to go: not on the loop.
  if (fleet::is_final(now.state)) {
    running_.erase(id);
    boost::asio::post(disk_.pool(), [ended = std::move(running)]() mutable { ended.reset(); });
  }
  Result<> taken;
  if (outcome->successor) {
    successors_.emplace(id, Successor{.rollout = outcome->successor->id, .parent_version = order.rollout.version});
    fleet::Rollout successor = *outcome->successor;
    taken = co_await take_in(std::move(successor));
  }
  changes_.rollout(id);
  if (order.action == fleet::RolloutAction::withdraw || order.action == fleet::RolloutAction::roll_back) co_await withdraw(id);
  if (outcome->successor) co_await gather_new(outcome->successor->id);
  co_return taken;
}

httpd::Awaitable<void> Rollouts::move_by_itself(std::uint64_t id, fleet::MoveOrder order) {
  const Result<> moved = co_await move(id, std::move(order));
  if (!moved) log::warning("rollout " + std::to_string(id) + " cannot go on: " + moved.error().text());
}

httpd::Awaitable<Result<>> Rollouts::take_in(fleet::Rollout rollout) {
  auto work = [this, &rollout, now = now_ms()] { return read(store_, rollout, now); };
  Result<std::shared_ptr<Running>> running = co_await offloaded(disk_, work);
  if (!running) co_return std::unexpected(running.error());
  running_.emplace(rollout.id, *std::move(running));
  changes_.rollout(rollout.id);
  co_return Result<>{};
}

httpd::Awaitable<Result<fleet::Rollout>> Rollouts::add(fleet::NewRollout rollout) {
  auto start = [this, &rollout](auto done) { store_.add_rollout(rollout, done); };
  const Result<fleet::Rollout> added = co_await delivered<Result<fleet::Rollout>>(start);
  if (!added) co_return std::unexpected(added.error());
  fleet::Rollout copy = *added;
  const Result<> taken = co_await take_in(std::move(copy));
  if (!taken) co_return std::unexpected(taken.error());
  co_await gather_new(added->id);
  co_return co_await look_up(added->id);
}

httpd::Awaitable<Result<fleet::Rollout>> Rollouts::command(std::uint64_t id, fleet::RolloutEvent event, std::string by,
                                                           std::uint64_t to_permille) {
  auto running = find(id);
  if (!running) {
    const Result<fleet::Rollout> ended = co_await look_up(id);
    if (!ended) co_return std::unexpected(ended.error());
    co_return fail(fleet::kRolloutState,
                   "rollout " + std::to_string(id) + " has ended (" + std::string(fleet::to_string(ended->state)) + ")");
  }
  const bool decides = event == fleet::RolloutEvent::approve || event == fleet::RolloutEvent::deny;
  if (event == fleet::RolloutEvent::approve && running->run.rollout().created_by == by)
    co_return fail(fleet::kSecondPerson, "you have made rollout " + std::to_string(id) + " yourself: somebody else has to approve it");
  std::vector<fleet::Order> orders = CO_TRY(running->run.command(event, by, now_ms(), to_permille));
  fleet::MoveOrder order = std::get<fleet::MoveOrder>(std::move(orders.front()));
  if (decides) order.rollout.approved_by = event == fleet::RolloutEvent::approve ? by : "";
  running.reset();  // what ends is not to go here
  const Result<> moved = co_await move(id, std::move(order));
  if (!moved) co_return std::unexpected(moved.error());
  sleeper_.wake();
  co_return co_await look_up(id);
}

httpd::Awaitable<Result<fleet::Rollout>> Rollouts::release(std::uint64_t id, std::string by) {
  auto start = [&](auto done) { store_.release_rollout(id, by, now_ms(), done); };
  const Result<> released = co_await delivered<Result<>>(start);
  if (!released) co_return std::unexpected(released.error());
  if (const auto running = find(id)) running->run.released();
  changes_.rollout(id);
  co_await let_go(id);
  co_return co_await look_up(id);
}

httpd::Awaitable<Result<>> Rollouts::cancel_device(std::uint64_t id, std::string device, std::string by) {
  auto start = [&](auto done) { store_.cancel_member(id, device, by, now_ms(), done); };
  const auto cancelled = co_await delivered<Result<fleet::RolloutStore::CancelledMember>>(start);
  if (!cancelled) co_return std::unexpected(cancelled.error());
  if (const auto running = find(id)) running->run.cancelled(cancelled->device, now_ms());
  if (cancelled->deployment) tell(*cancelled->deployment);
  changes_.rollout(id);
  co_return Result<>{};
}

httpd::Awaitable<Result<fleet::Rollout>> Rollouts::look_up(std::uint64_t id) {
  if (auto running = live(id)) co_return *std::move(running);
  auto work = [this, id] { return store_.rollout(id); };
  co_return co_await offloaded(disk_, work);
}

httpd::Awaitable<Result<std::vector<fleet::Rollout>>> Rollouts::list(std::optional<bool> active, std::uint64_t before, std::size_t limit) {
  auto work = [this, active, before, limit] { return store_.rollouts(active, before, limit); };
  co_return co_await offloaded(disk_, work);
}

httpd::Awaitable<Result<fleet::RolloutPreview>> Rollouts::preview(fleet::RolloutPlan plan) {
  auto work = [this, &plan] { return store_.preview_rollout(plan); };
  co_return co_await offloaded(disk_, work);
}

// --- what concerns many devices

httpd::Awaitable<Result<RolloutPieces::Outcome>> Rollouts::gather(std::uint64_t id) {
  const RolloutPieces::Take take{.expect =
                                     [this, id](std::size_t members) {
                                       if (const auto running = find(id)) running->run.expect(members);
                                     },
                                 .members =
                                     [this, id](const std::vector<fleet::Member>& members) {
                                       const auto running = find(id);
                                       if (!running) return false;  // aborted meanwhile
                                       for (const fleet::Member& member : members) running->run.joined(member);
                                       if (!members.empty()) changes_.rollout(id);
                                       return true;
                                     }};
  co_return co_await pieces_.gather(id, take);
}

httpd::Awaitable<void> Rollouts::gather_new(std::uint64_t id) {
  const Result<RolloutPieces::Outcome> gathered = co_await gather(id);
  const auto running = find(id);
  if (!running || ended_early(gathered, Leftover::gather, id)) co_return;
  const bool unapproved = running->run.rollout().plan.needs_approval;
  const auto event = unapproved ? fleet::RolloutEvent::gathered_unapproved : fleet::RolloutEvent::gathered;
  Result<std::vector<fleet::Order>> orders = running->run.command(event, "", now_ms());
  if (!orders) co_return;  // somebody aborts it
  fleet::MoveOrder order = std::get<fleet::MoveOrder>(std::move(orders->front()));
  const Result<> moved = co_await move(id, std::move(order));
  if (!moved) leave(Leftover::gather, id, kAgainAfter);
}

httpd::Awaitable<void> Rollouts::withdraw(std::uint64_t id) {
  const RolloutPieces::Told told = [this, id](const std::vector<fleet::Deployment>& withdrawn) {
    for (const fleet::Deployment& deployment : withdrawn) tell(deployment);
    changes_.rollout(id);
  };
  const Result<RolloutPieces::Outcome> outcome = co_await pieces_.withdraw(id, told);
  ended_early(outcome, Leftover::withdraw, id);
}

httpd::Awaitable<void> Rollouts::let_go(std::uint64_t id) {
  const RolloutPieces::Told told = [this](const std::vector<fleet::Deployment>& released) {
    for (const fleet::Deployment& deployment : released) tell(deployment);
  };
  const Result<RolloutPieces::Outcome> outcome = co_await pieces_.let_go(id, told);
  ended_early(outcome, Leftover::let_go, id);
}

void Rollouts::leave(Leftover what, std::uint64_t id, std::chrono::seconds for_now) {
  leftovers_.push_back({.what = what, .rollout = id, .time = std::chrono::steady_clock::now() + for_now});
}

bool Rollouts::ended_early(const Result<RolloutPieces::Outcome>& outcome, Leftover what, std::uint64_t id) {
  if (outcome) return *outcome == RolloutPieces::Outcome::stopped;
  log::warning("what is to be written of the devices of rollout " + std::to_string(id) + " is not complete, and goes on in " +
               std::to_string(kAgainAfter.count()) + " s: " + outcome.error().text());
  leave(what, id, kAgainAfter);
  return true;
}

void Rollouts::begin_leftovers() {
  const auto now = std::chrono::steady_clock::now();
  const auto due = std::ranges::partition(leftovers_, [now](const Later& later) { return later.time > now; });
  const std::vector<Later> those(due.begin(), due.end());
  leftovers_.erase(due.begin(), due.end());
  for (const Later& later : those) {
    if (later.what == Leftover::gather) tasks_.begin(gather_new(later.rollout));
    if (later.what == Leftover::withdraw) tasks_.begin(withdraw(later.rollout));
    if (later.what == Leftover::let_go) tasks_.begin(let_go(later.rollout));
  }
}

// --- devices that come to match

void Rollouts::device_changed(const std::string& name) {
  bool wanted = false;
  for (const auto& [id, running] : running_) wanted = wanted || takes_in(running->run.rollout());
  if (!wanted) return;
  const Result<fleet::DeviceFacts> facts = store_.device_facts(name);
  if (!facts || facts->status != fleet::DeviceStatus::accepted) return;
  const fleet::Device device{.name = facts->name, .protocol = facts->protocol, .product = facts->product, .hardware = facts->hardware};
  for (const auto& [id, running] : running_) {
    const fleet::Rollout& rollout = running->run.rollout();
    if (!takes_in(rollout) || running->run.has(facts->id) || facts->version == rollout.version) continue;
    if (!running->filter.matches(*facts, 0) || !fleet::check_fit(running->release, device)) continue;
    const std::uint64_t sample = fleet::sample_of(to_hex(running->release.sha256), name);
    const fleet::Member member{
        .device = facts->id, .sample = sample, .wave = sample < rollout.reach ? rollout.wave : 0, .changed_ms = now_ms()};
    tasks_.begin(join(id, member));
  }
}

httpd::Awaitable<void> Rollouts::join(std::uint64_t id, fleet::Member member) {
  auto start = [&](auto done) { store_.join_rollout(id, member, done); };
  const auto joined = co_await delivered<Result<std::optional<fleet::Member>>>(start);
  const auto running = find(id);
  if (!joined) log::warning("a device cannot join rollout " + std::to_string(id) + ": " + joined.error().text());
  if (joined && *joined && running) {
    running->run.joined(member);
    changes_.rollout(id);
  }
}

httpd::Awaitable<void> Rollouts::join_all(std::uint64_t id) {
  const Result<RolloutPieces::Outcome> joined = co_await gather(id);
  if (!joined) log::warning("devices cannot join rollout " + std::to_string(id) + ": " + joined.error().text());
}

void Rollouts::device_deleted(std::uint64_t device) {
  for (const auto& [id, running] : running_) {
    if (!running->run.has(device)) continue;
    running->run.gone(device);
    changes_.rollout(id);
  }
}

void Rollouts::groups_changed() {
  for (const auto& [id, running] : running_)
    if (takes_in(running->run.rollout()) && running->filter.uses(fleet::Field::group)) tasks_.begin(join_all(id));
}

void Rollouts::deployment_changed(const fleet::Deployment& deployment) {
  const bool final = protocol::is_final(deployment.state);
  if (final)
    for (const auto& [id, running] : running_) running->run.freed(deployment.device_id);
  if (!deployment.rollout) return;
  if (const auto running = find(*deployment.rollout)) {
    const bool is_stone = deployment.version != running->run.rollout().version;
    running->run.reported(deployment.device_id, deployment.id, is_stone ? fleet::RolloutRun::Leg::stone : fleet::RolloutRun::Leg::target,
                          deployment.state, now_ms());
    if (final) changes_.rollout(*deployment.rollout);
    return;
  }
  const auto successor = successors_.find(*deployment.rollout);
  if (successor == successors_.end() || deployment.state != protocol::UpdateState::committed) return;
  const auto running = find(successor->second.rollout);
  if (successor->second.parent_version != deployment.version) return;  // it has only got as far as a release on the way
  if (!running || running->run.has(deployment.device_id)) return;
  const fleet::Member late{.device = deployment.device_id, .sample = 0, .wave = running->run.rollout().wave, .changed_ms = now_ms()};
  tasks_.begin(join(successor->second.rollout, late));
}

}  // namespace aloft::server
