#include "agent/surroundings.hpp"

#include <utility>

#include "agent/backoff.hpp"
#include "agent/errors.hpp"
#include "base/errors.hpp"
#include "base/file.hpp"
#include "base/log.hpp"

namespace aloft::agent {
namespace {

using std::chrono::milliseconds;

constexpr unsigned kMaxAttempts = 8;
constexpr milliseconds kFirstPause{1000};
constexpr milliseconds kMostPause{60'000};
constexpr std::chrono::seconds kBetweenRounds{300};
constexpr milliseconds kLastWords{3000};  // for reports to leave before the machine goes down
constexpr milliseconds kProgressInterval{1000};
constexpr std::uint64_t kProgressStep = 20;        // permille: each report is a durable write
constexpr std::uint64_t kMaxLogBytes = 192 << 10;  // below what the server takes

bool went_wrong(update::Phase phase) {
  return phase == update::Phase::failed || phase == update::Phase::retreating || phase == update::Phase::rolled_back;
}

}  // namespace

MachineSurroundings::MachineSurroundings(ReportSpool& spool, const Deferral& deferral, const DownloadGate& download_gate,
                                         const HoldGate& hold_gate, const InstallGate& install_gate, LogRing& ring,
                                         std::filesystem::path log_dir, Clock& clock, SurroundingsHooks hooks)
    : spool_(spool),
      deferral_(deferral),
      download_gate_(download_gate),
      hold_gate_(hold_gate),
      install_gate_(install_gate),
      ring_(ring),
      log_dir_(std::move(log_dir)),
      clock_(clock),
      hooks_(std::move(hooks)) {}

void MachineSurroundings::decide(const update::State& offered) {
  if (offered.deployment != 0 && deferral_.left() > milliseconds::zero())
    return updater_->defer("deferred at the device until " + to_iso8601(deferral_.until()));
  // Found so after a restart: what is held is on its slot already, and what is paused is the server's to let go on.
  const auto held = hold_gate_.objection(offered.deployment);
  if ((offered.error == kHeld.number && held) || offered.error == kPaused.number)
    return updater_->defer(Error{offered.error == kHeld.number ? kHeld : kPaused, offered.message});
  // It began at a time that was right; this is another start, and may be another time.
  if (const auto objection = install_gate_.objection(offered.deployment)) return updater_->defer(*objection);
  updater_->accept();
}

void MachineSurroundings::transition(const update::State& state) {
  reported_permille_ = 0;
  report(Event{.deployment = state.deployment,
               .update = state.update,
               .transition = state.sequence,
               .time_ms = state.time_ms,
               .state = reported_state(state.phase),
               .error = state.error,
               .message = state.message,
               .progress_permille = {},
               .download = std::exchange(download_, std::nullopt)});
  if (went_wrong(state.phase)) save_log(state);
  hooks_.changed();
}

void MachineSurroundings::progress(std::uint64_t permille) {
  hooks_.progressed();
  const SteadyTime now = clock_.steady();
  if (permille < reported_permille_ + kProgressStep || now - reported_at_ < kProgressInterval) return;
  reported_permille_ = permille;
  reported_at_ = now;
  const auto status = updater_->status();
  report(Event{
      .deployment = status.state.deployment, .state = reported_state(status.state.phase), .message = {}, .progress_permille = permille});
  hooks_.changed();
}

void MachineSurroundings::report(const Event& event) {
  if (event.deployment == 0) return;
  if (const auto added = spool_.add(clock_.now(), event); !added)
    log::warning("a report may be lost in a power cut: " + added.error().text());
}

void MachineSurroundings::tell_refusal(std::uint64_t deployment, const Error& why) {
  std::string told = std::to_string(deployment) + " " + why.text();
  if (told == refusal_told_) return;
  refusal_told_ = std::move(told);
  log::warning("deployment " + std::to_string(deployment) + ": " + why.text());
  report(Event{.deployment = deployment,
               .state = protocol::UpdateState::deferred,
               .error = why.code.number,
               .message = why.message,
               .progress_permille = {}});
  hooks_.changed();
}

void MachineSurroundings::save_log(const update::State& state) {
  if (state.deployment == 0) return;
  std::string text = read_file(log_dir_ / "update.before", kMaxLogBytes).value_or("");
  if (!text.empty()) text += "--- restart ---\n";
  text += ring_.text();
  if (text.size() > kMaxLogBytes) text.erase(0, text.size() - kMaxLogBytes);
  const auto saved = replace_file(log_dir_ / (std::to_string(state.deployment) + ".log"), text, 0600);
  if (!saved) log::warning("the log of the failed update is not kept: " + saved.error().text());
}

void MachineSurroundings::begin_trial(const update::State&) { hooks_.begin_trial(); }

Result<> MachineSurroundings::reboot(const std::optional<std::string>& argument) {
  if (const auto saved = replace_file(log_dir_ / "update.before", ring_.text(), 0600); !saved)
    log::warning("the log of this update will not outlive the restart: " + saved.error().text());
  if (hooks_.server_in_reach()) spool_.wait_until_empty(kLastWords);
  return hooks_.restart(argument);
}

bool MachineSurroundings::pause_before_retry(unsigned attempt) {
  if (attempt >= kMaxAttempts) return false;
  Backoff backoff(random_, kFirstPause, kMostPause);
  milliseconds pause = backoff.next();
  for (unsigned step = 1; step < attempt; ++step) pause = backoff.next();
  log::info("trying again in " + std::to_string(pause.count()) + " ms");
  std::unique_lock lock(mutex_);
  const auto ended = ended_pauses_;
  woken_.wait_for(lock, pause, [&] { return stopped_ || ended_pauses_ != ended; });
  return !stopped_;
}

void MachineSurroundings::pause_between_rounds() {
  log::info("trying again in " + std::to_string(kBetweenRounds.count()) + " s");
  std::unique_lock lock(mutex_);
  const auto ended = ended_pauses_;
  woken_.wait_for(lock, kBetweenRounds, [&] { return stopped_ || ended_pauses_ != ended; });
}

void MachineSurroundings::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  woken_.notify_all();
}

void MachineSurroundings::end_pause() {
  {
    const std::lock_guard lock(mutex_);
    ++ended_pauses_;
  }
  woken_.notify_all();
}

}  // namespace aloft::agent
