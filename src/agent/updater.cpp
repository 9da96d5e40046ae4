#include "agent/updater.hpp"

#include <algorithm>

#include "agent/try_counting.hpp"
#include "base/log.hpp"
#include "base/unix_time.hpp"
#include "boot/errors.hpp"
#include "boot/order.hpp"
#include "bundle/compatibility.hpp"
#include "update/errors.hpp"

namespace aloft::agent {

using update::Action;
using update::Event;
using update::EventKind;
using update::Phase;
using update::State;

namespace {

constexpr std::chrono::milliseconds kFirstMendInterval{1000};
constexpr std::chrono::hours kRefusedInterval{1};  // between attempts at what shared slots refuse

State reason(const Error& error) {
  State facts;
  facts.error = error.code.number;
  facts.error_name = error.code.name;
  facts.message = error.message;
  return facts;
}

Error unfinished(const Error& error) {
  return {error.code, "what was committed last is not finished yet, so no update can be made: " + error.message};
}

bool can_be_cancelled(Phase phase) {
  return phase == Phase::offered || phase == Phase::deferred || phase == Phase::accepted || phase == Phase::downloading ||
         phase == Phase::installing || phase == Phase::stranded;
}

}  // namespace

protocol::UpdateState reported_state(Phase phase) {
  using R = protocol::UpdateState;
  switch (phase) {
    case Phase::idle:
    case Phase::offered: return R::offered;
    case Phase::accepted:
    case Phase::summoning:
    case Phase::crossing:
    case Phase::unanswered:
    case Phase::stranded: return R::accepted;  // it goes on by itself
    case Phase::downloading: return R::downloading;
    case Phase::installing: return R::installing;
    case Phase::verified: return R::verified;
    case Phase::armed: return R::armed;
    case Phase::rebooting:
    case Phase::returned: return R::rebooting;  // the new system may never have come up: on-trial would claim too much
    case Phase::on_trial:
    case Phase::retreating: return R::on_trial;
    case Phase::committed: return R::committed;
    case Phase::rolled_back: return R::rolled_back;
    case Phase::failed: return R::failed;
    case Phase::deferred: return R::deferred;
    case Phase::cancelled: return R::cancelled;
  }
  return R::failed;
}

Updater::Updater(UpdaterConfig config, UpdaterSeams seams) : config_(std::move(config)), seams_(seams) {}

// The boot state as it is; or, where it is lost, a new one. The running group is taken for good unless the journal knows better: a
// target that was never finished may have been booted for want of any state.
Result<boot::BootState> Updater::boot_state(const State& known) {
  auto state = seams_.boot.read();
  if (state || state.error().code.number != boot::kBootStateCorrupt.number) return state;
  const bool proven = known.target != config_.booted || known.phase == Phase::committed || known.origin.empty();
  const std::string& good = proven ? config_.booted : known.origin;
  log::error(state.error().text() + "; writing a new one with '" + good + "' committed");
  TRY(seams_.boot.rebuild(good));
  return seams_.boot.read();
}

// What the boot state would say if everything went as the journal has it. A trial goes on by it, and ends as boot control answers then.
boot::BootState Updater::supposed_boot_state(const State& known) const {
  const bool trial = known.target == config_.booted && known.phase >= Phase::verified && known.phase <= Phase::retreating &&
                     known.phase != Phase::committed;
  boot::BootState state;
  state.order.push_back({config_.booted, trial ? boot::SlotHealth::trial : boot::SlotHealth::committed, 0});
  if (trial) state.order.push_back({known.origin, boot::SlotHealth::committed, 0});
  return state;
}

Result<boot::BootState> Updater::readable_boot_state(const State& known) {
  auto state = boot_state(known);
  if (state) return state;
  return fail(update::kBootStateUnreadable, "the boot state cannot be read, so no update can be made: " + state.error().text() +
                                                "; mount its file system, or mend its device");
}

// Nothing of an update may be done that cannot be recorded: tried here rather than in the middle of one.
Result<> Updater::try_state_folder() {
  const auto written = seams_.files.replace("probe", config_.boot_id + "\n");
  if (written) return {};
  return fail(update::kStateUnwritable, "the state folder cannot be written, so no update can be made: " + written.error().text() +
                                            "; mount it read-write, make room in it, or mend its device");
}

void Updater::set_trouble(std::optional<Error> trouble) {
  const auto text_of = [](const std::optional<Error>& error) { return error ? error->text() : std::string(); };
  {
    const std::lock_guard lock(mutex_);
    if (text_of(trouble) == text_of(trouble_)) return;
    std::swap(trouble_, trouble);
  }
  if (trouble_) log::error(trouble_->text());
  if (!trouble_) log::info("updates can be made again");
  seams_.surroundings.trouble_changed();
}

void Updater::mend() {
  const std::lock_guard lock(mutex_);
  mend_asked_ = true;
  posted_.notify_all();
}

// Once it is over, things go on as after a start. What has been switched goes on by itself, by the boot state alone.
void Updater::look_again() {
  {
    const std::lock_guard lock(mutex_);
    mend_asked_ = false;
    if ((!trouble_ && refused_.empty()) || !events_.empty() || going_down_ || !(is_at_rest(state_.phase) || can_be_cancelled(state_.phase)))
      return;
  }
  if (!trouble_) {
    if (const auto finished = finish_last_commit(); !finished) set_trouble(unfinished(finished.error()));
    return;
  }
  const auto read = readable_boot_state(state_);
  const auto writable = try_state_folder();
  if (!read || !writable) return set_trouble(read ? writable.error() : read.error());
  if (const auto finished = finish_last_commit(); !finished) return set_trouble(unfinished(finished.error()));
  if (const auto started = start(); !started) log::debug("update: " + started.error().text());
}

Result<> Updater::start() {
  journal_.emplace(update::Journal::open(seams_.files));
  if (journal_->problem()) log::error(journal_->problem()->text());
  const State known = journal_->last();
  // A state that cannot be read is mended by the next call.
  if (const auto confirmed = seams_.boot.confirm(config_.booted); !confirmed) log::warning(confirmed.error().text());
  const auto read = readable_boot_state(known);
  const boot::BootState boot = read ? *read : supposed_boot_state(known);
  const Result<> writable = try_state_folder();
  TryCounting counting(seams_.files);
  if (const boot::SlotState* running = find_slot(boot, config_.booted); running && read) counting.started(*running);
  {
    const std::lock_guard lock(mutex_);
    boot_warning_ = counting.warning();
    standing_ = !is_committed(boot, config_.booted) ? Standing::on_trial : read ? Standing::committed : Standing::supposed_good;
    state_ = known;
    history_ = journal_->history();
    events_.clear();
    if (!stopping_) stop_install_ = {};
    going_down_ = false;
  }
  note_refused();
  for (const State& transition : journal_->transitions()) seams_.surroundings.transition(transition);

  const boot::SlotState* const target = find_slot(boot, known.target);
  update::Waking waking{config_.booted, config_.boot_id, is_committed(boot, config_.booted), boot.order.front().name};
  waking.trial_waits = seams_.boot.trial_needs_argument() && target && target->health == boot::SlotHealth::trial;
  waking.alone = read && !in_recovery() && !is_another_committed(boot, config_.booted);
  const EventKind kind = classify(known, waking);
  std::optional<Error> trouble;
  if (!writable) trouble = writable.error();
  if (!read) trouble = read.error();
  // Committing it again sees to it by itself. Whatever came after the commit may have failed because of it.
  const bool restful = known.phase != Phase::committed && (is_at_rest(known.phase) || can_be_cancelled(known.phase));
  if (!trouble && restful && !in_recovery() && is_committed(boot, config_.booted)) {
    if (const auto finished = finish_last_commit(); !finished) trouble = unfinished(finished.error());
  }
  // What has not been switched yet can wait.
  Event woken{kind, waking_facts(kind, known, boot)};
  if (step(known, woken) && (!trouble || !can_be_cancelled(known.phase))) post(std::move(woken));
  set_trouble(trouble);
  if (trouble) return fail(*std::move(trouble));
  return {};
}

State Updater::waking_facts(EventKind kind, const State& known, const boot::BootState& boot) const {
  State facts;
  const bool summoned = known.phase == Phase::summoning || known.phase == Phase::crossing;
  if (kind == EventKind::woke_old && summoned)
    return reason({update::kRecoveryNotBooted, "the recovery system (group " + known.via +
                                                   ") did not come up, so nothing was installed; the next update tries it again"});
  if (kind == EventKind::woke_old) {
    const boot::SlotState* target = find_slot(boot, known.target);
    // A slot that each try needs a restart for cannot have been passed over.
    const bool tries_left = target && target->health == boot::SlotHealth::trial && !seams_.boot.trial_needs_argument();
    const std::string used = "group " + known.target + " used up its tries without proving itself healthy";
    if (tries_left) {
      facts = reason({update::kNotBooted, "the boot loader passed group " + known.target + " over; its kernel may not load"});
    } else if (config_.reset_by_watchdog) {
      facts = reason({update::kHung, used + "; reset reason of the last one: hardware watchdog, so it hung"});
    } else {
      facts = reason({update::kTriesUsed, used});
    }
  }
  if (kind == EventKind::woke_alone) facts.target = config_.booted;
  if (kind == EventKind::woke_trial) {
    facts = reason({update::kStrangeSlot, "group " + config_.booted + " was booted although its update was not finished"});
    facts.target = config_.booted;
    if (in_recovery()) facts.via = config_.booted;
    for (const boot::SlotState& slot : boot.order) {
      if (slot.name != config_.booted && slot.health == boot::SlotHealth::committed) facts.origin = slot.name;
    }
  }
  return facts;
}

Result<> Updater::offer(const std::string& source, std::uint64_t deployment) {
  const std::lock_guard lock(mutex_);
  if (deployment != 0 && deployment == state_.deployment) return {};
  State facts;
  facts.source = source;
  facts.deployment = deployment;
  const Event event{EventKind::offer, facts};
  if (trouble_) return fail(*trouble_);
  if (!events_.empty() || !step(state_, event)) {
    return fail(update::kNotNow, "another update is " + std::string(to_string(state_.phase)) + "; wait for it, or cancel it");
  }
  events_.push_back(event);
  posted_.notify_all();
  return {};
}

void Updater::accept(const std::string& source) {
  State facts;
  facts.source = source;
  post(Event{EventKind::accept, facts});
}

void Updater::defer(const std::string& why) {
  State facts;
  facts.message = why;
  interrupt(Event{EventKind::defer, facts});
}

void Updater::defer(const Error& why) { interrupt(Event{EventKind::defer, reason(why)}); }

bool Updater::cancel() { return interrupt(Event{EventKind::cancel, {}}); }

// An offer on its way can be cancelled, by what stands behind it; there is nothing to stop yet.
bool Updater::interrupt(Event event) {
  const std::lock_guard lock(mutex_);
  const bool begun = can_be_cancelled(state_.phase);
  const bool offered = takes_offer_ || std::ranges::find(events_, EventKind::offer, &Event::kind) != events_.end();
  if (!begun && !(offered && event.kind == EventKind::cancel)) return false;
  events_.push_back(std::move(event));
  if (begun) stop_install_.request_stop();
  posted_.notify_all();
  return true;
}

void Updater::health_result(const HealthVerdict& verdict) {
  if (verdict.healthy) return post(Event{EventKind::healthy, {}});
  post(Event{EventKind::unhealthy, reason({update::kUnhealthy, verdict.reason})});
}

UpdateStatus Updater::status() const {
  const std::lock_guard lock(mutex_);
  return {.state = state_,
          .progress_permille = progress_permille_,
          .doing = doing_ == Action::none ? "" : std::string(to_string(doing_)),
          .boot_warning = boot_warning_,
          .trouble = trouble_,
          .refused = refused_,
          .standing = standing_};
}

std::vector<State> Updater::history() const {
  const std::lock_guard lock(mutex_);
  return history_;
}

void Updater::post(Event event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(std::move(event));
  posted_.notify_all();
}

std::optional<Event> Updater::next_event() {
  const std::lock_guard lock(mutex_);
  takes_offer_ = false;
  if (events_.empty() || going_down_ || stopping_) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  takes_offer_ = event.kind == EventKind::offer;
  return event;
}

// What was asked for from outside goes before the outcome of an action, which then no longer counts if it changed the state.
void Updater::run() {
  std::optional<Event> outcome;
  std::pair<std::uint64_t, std::uint64_t> outcome_of;
  for (;;) {
    std::optional<Event> event = next_event();
    if (!event && outcome && outcome_of == std::pair(state_.update, state_.sequence)) event = std::exchange(outcome, std::nullopt);
    if (!event || going_down_) return;
    if (auto next = apply(*event)) {
      outcome = std::move(next);
      outcome_of = {state_.update, state_.sequence};
    }
  }
}

void Updater::serve(const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    stop_install_.request_stop();
  });
  auto patience = kFirstMendInterval;
  while (!stop.stop_requested()) {
    run();
    std::unique_lock lock(mutex_);
    const auto wanted = [this] { return (!events_.empty() && !going_down_) || (mend_asked_ && (trouble_ || !refused_.empty())); };
    if (!trouble_) {
      patience = kFirstMendInterval;
      const bool asked = refused_.empty() ? posted_.wait(lock, stop, wanted) : posted_.wait_for(lock, stop, kRefusedInterval, wanted);
      if (asked && !mend_asked_) continue;
    } else {
      posted_.wait_for(lock, stop, std::min(patience, config_.mend_interval), wanted);
      patience = std::min(2 * patience, config_.mend_interval);
    }
    lock.unlock();
    look_again();
  }
}

// One row of the table: the record of it first, then the action. Nothing of an update is done whose state cannot be recorded; what has
// been switched already goes on by the boot state alone, but a system that cannot keep its state is no healthy one.
std::optional<Event> Updater::apply(const Event& event) {
  if (event.kind == EventKind::cancel || event.kind == EventKind::defer) end_interruption();
  if (event.kind == EventKind::offer && event.facts.deployment != 0 && trouble_) return refuse_for_now();
  auto next = step(state_, event);
  if (!next) {
    log::debug("update: '" + std::string(to_string(event.kind)) + "' does not belong to '" + std::string(to_string(state_.phase)) + "'");
    return std::nullopt;
  }
  State& state = next->state;
  std::optional<Event> outcome;
  if (const auto recorded = record(state); !recorded) {
    log::error("update: " + recorded.error().text());
    if (event.kind == EventKind::offer && state.deployment != 0) return refuse_for_now();
    if (state.phase == Phase::on_trial) {
      outcome = Event{EventKind::unhealthy, reason(recorded.error())};
      next->action = Action::none;
    } else if (can_be_cancelled(state.phase) || state.phase == Phase::verified) {
      state.phase = Phase::failed;
      state.error = recorded.error().code.number;
      state.error_name = recorded.error().code.name;
      state.message = recorded.error().message;
      next->action = Action::none;
    }
  }
  enter(state, next->action);
  if (next->action != Action::none) outcome = perform(next->action);
  const std::lock_guard lock(mutex_);
  doing_ = Action::none;
  return outcome;
}

// The server's offer stands: it is taken up when it can be recorded, and no trouble is left that was not known when it was made.
std::optional<Event> Updater::refuse_for_now() {
  const auto writable = try_state_folder();
  if (writable || trouble_) {
    seams_.surroundings.trouble_changed();
  } else {
    set_trouble(writable.error());
  }
  return std::nullopt;
}

void Updater::enter(const State& state, Action action) {
  const bool moved = state.phase != state_.phase || state.update != state_.update;
  {
    const std::lock_guard lock(mutex_);
    state_ = state;
    doing_ = action;
    history_ = journal_->history();
    if (state.phase != Phase::installing) progress_permille_.reset();
  }
  if (is_at_rest(state.phase) || state.phase == Phase::deferred) bundle_.reset();
  if (!moved) return;
  log::info("update " + std::to_string(state.update) + ": " + std::string(to_string(state.phase)) +
            (state.message.empty() ? "" : ": " + state.message));
  seams_.surroundings.transition(state);
}

Result<> Updater::record(State& state) {
  const bool moved = state.update != state_.update || state.sequence != state_.sequence;
  if (moved) state.time_ms = unix_ms(seams_.clock.now());
  state.boot_id = config_.boot_id;
  for (unsigned attempt = 1;; ++attempt) {
    auto added = journal_->add(state);
    if (added || state.phase == Phase::offered || !seams_.surroundings.pause_before_retry(attempt)) return added;
  }
}

// Does it, again and again while the error says that it may succeed later.
std::optional<Event> Updater::perform(Action action) {
  for (unsigned attempt = 1;; ++attempt) {
    auto done = act(action);
    if (done) return *std::move(done);
    const Error& error = done.error();
    log::warning("update: " + std::string(to_string(action)) + ": " + error.text());
    if (interrupted()) return std::nullopt;
    if (error.code.kind == ErrorKind::retry && seams_.surroundings.pause_before_retry(attempt)) continue;
    if (interrupted() || action == Action::reboot) return std::nullopt;
    if (action == Action::raise_floor) {
      // In a recovery system it may be the way home that failed, and nothing is unfinished.
      if (!in_recovery()) set_trouble(unfinished(error));
      return std::nullopt;
    }
    const bool later = state_.deployment != 0 && !in_recovery() && is_for_later(error);
    return Event{later ? EventKind::defer : failure_event(action, error), reason(error)};
  }
}

bool Updater::interrupted() const {
  const std::lock_guard lock(mutex_);
  return stop_install_.stop_requested();
}

void Updater::end_interruption() {
  const std::lock_guard lock(mutex_);
  if (!stopping_) stop_install_ = {};
}

std::stop_token Updater::stop_token() const {
  const std::lock_guard lock(mutex_);
  return stop_install_.get_token();
}

Result<std::optional<Event>> Updater::act(Action action) {
  switch (action) {
    case Action::none: return std::nullopt;
    case Action::rest: TRY(rest()); return std::nullopt;
    case Action::ask_policy: seams_.surroundings.decide(state_); return std::nullopt;
    case Action::open: return TRY(open_bundle());
    case Action::prepare_target: TRY(prepare_target()); return Event{EventKind::prepared, {}};
    case Action::write_images: {
      TRY(write_images());
      const auto held = hold();
      if (!held) return Event{EventKind::written, {}};
      return Event{EventKind::defer, reason({held->code, "downloaded, not installed: " + held->message})};
    }
    case Action::arm: TRY(arm()); return Event{EventKind::armed, {}};
    case Action::ready: return Event{EventKind::going, {}};
    case Action::reboot: TRY(reboot()); return std::nullopt;
    case Action::check_health: seams_.surroundings.begin_trial(state_); return std::nullopt;
    case Action::commit: TRY(commit()); return Event{EventKind::kept, {}};
    case Action::raise_floor:
      TRY(finish_last_commit());
      TRY(rest());
      return std::nullopt;
    case Action::abandon_target: TRY(abandon_target()); return Event{EventKind::gave_up, {}};
    case Action::summon_recovery: TRY(summon_recovery()); return Event{EventKind::armed, {}};
    case Action::abandon_recovery: TRY(abandon_recovery()); return Event{EventKind::gave_up, {}};
    case Action::wait_a_while: seams_.surroundings.pause_between_rounds(); return Event{EventKind::again, {}};
  }
  return std::nullopt;
}

Result<> Updater::arm() {
  TRY(TryCounting(seams_.files).arming(state_.target, config_.tries));
  return seams_.boot.arm(state_.target, config_.tries);
}

Result<> Updater::reboot() {
  if (!restart_argument_) {
    auto argument = seams_.boot.restart_argument();
    // Without it the old system comes up again, and finds out what to do.
    if (!argument) log::error("restarting without the boot loader's argument: " + argument.error().text());
    restart_argument_ = argument ? *std::move(argument) : std::nullopt;
  }
  TRY(seams_.surroundings.reboot(*restart_argument_));
  const std::lock_guard lock(mutex_);
  going_down_ = true;
  return {};
}

}  // namespace aloft::agent
