#include "agent/daemon.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <future>
#include <thread>

#include "agent/bundle_opener.hpp"
#include "agent/configured_boot.hpp"
#include "agent/configured_slots.hpp"
#include "agent/ddi_standing.hpp"
#include "agent/deferral.hpp"
#include "agent/download_gate.hpp"
#include "agent/errors.hpp"
#include "agent/follower.hpp"
#include "agent/hold_gate.hpp"
#include "agent/identity.hpp"
#include "agent/idle_memory.hpp"
#include "agent/install_gate.hpp"
#include "agent/inventory.hpp"
#include "agent/known_good.hpp"
#include "agent/local_socket.hpp"
#include "agent/log_ring.hpp"
#include "agent/mailbox.hpp"
#include "agent/reset_guard.hpp"
#include "agent/restart.hpp"
#include "agent/server_session.hpp"
#include "agent/surroundings.hpp"
#include "agent/system_facts.hpp"
#include "agent/systemd_watchdog.hpp"
#include "agent/trial.hpp"
#include "agent/trial_start.hpp"
#include "agent/vitals.hpp"
#include "base/errors.hpp"
#include "base/log.hpp"
#include "base/notify.hpp"
#include "base/process.hpp"
#include "boot/order.hpp"
#include "boot/shared_control.hpp"

namespace aloft::agent {
namespace {

using std::chrono::milliseconds;
using update::Phase;

constexpr std::chrono::seconds kTrialGrace{30};     // of pinging the watchdog beyond a trial's deadline, for the way back
constexpr std::chrono::seconds kRestartGrace{120};  // of pinging it while the machine shuts down
constexpr std::chrono::seconds kRestartLimit{60};   // for the reboot command
constexpr std::chrono::seconds kIdleCheck{10};
constexpr const char* kSystemdDropIns = "/run/systemd/system.conf.d";
constexpr std::uint64_t kIdleResidentBytes = 6 << 20;
constexpr milliseconds kShownProgressInterval{250};
constexpr milliseconds kLongestSleep{30'000};

// Where the state folder cannot be written, the lock lies beside the socket.
Result<Fd> lock_state(const Config& config) {
  std::error_code problem;
  std::filesystem::create_directories(config.state_dir / "logs", problem);
  auto lock = open_file(config.state_dir / "lock", O_RDWR | O_CREAT, 0600);
  if (!lock) {
    std::filesystem::create_directories(config.agent.socket.parent_path(), problem);
    lock = open_file(config.agent.socket.parent_path() / "aloftd.lock", O_RDWR | O_CREAT, 0600);
  }
  if (lock && ::flock(lock->get(), LOCK_EX | LOCK_NB) != 0)
    return fail(kAlreadyRunning, "another aloftd works in " + config.state_dir.string() + "; stop it first");
  return lock;
}

// Blocked here and in every thread made later; read from the descriptor.
Result<Fd> catch_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t caught;
  ::sigemptyset(&caught);
  for (const int signal : {SIGTERM, SIGINT}) ::sigaddset(&caught, signal);
  ::pthread_sigmask(SIG_BLOCK, &caught, nullptr);
  Fd fd(::signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return fail(system_error("cannot make", "a signal descriptor", errno));
  return fd;
}

std::optional<gid_t> group_id(const std::string& name) {
  if (name.empty()) return std::nullopt;
  const group* const found = ::getgrnam(name.c_str());
  if (found == nullptr) log::warning("the control group \"" + name + "\" does not exist; only root can control the agent");
  return found == nullptr ? std::nullopt : std::optional(found->gr_gid);
}

class Daemon {
 public:
  Daemon(const Config& config, SystemFacts facts, Fd lock, update::StateFolder files, std::unique_ptr<boot::BootControl> boot,
         std::unique_ptr<ReportSpool> spool, std::unique_ptr<Mailbox> mailbox, std::unique_ptr<ServerStanding> server)
      : config_(config),
        facts_(std::move(facts)),
        lock_(std::move(lock)),
        files_(std::move(files)),
        boot_(std::move(boot)),
        spool_(std::move(spool)),
        mailbox_(std::move(mailbox)),
        server_(std::move(server)) {
    surroundings_.attach(updater_);
  }

  void start() {
    log::set_observer([this](std::string_view line) { ring_.add(line); });
    log::info("group " + facts_.booted_group + " booted, version " + facts_.version);
    // From here on a hang ends in a reset, unless the system is known to be good.
    if (!is_committed()) arm_for_trial();
    // A trouble is told, and looked at again; the agent is there all the same: who else could tell of it.
    if (const auto started = updater_.start(); !started) log::warning("no update can be made for now");
    if (may_settle()) settle();
    if (server_) link_ = server_->connect(*spool_, config_.state_dir, link_listener());
    if (link_) inventory_.start([this] { link_->report_soon(); });
    if (link_) vitals_.start(facts_.version, facts_.boot_id, watchdog_facts_, [this] { link_->report_soon(); });
    work_ = std::jthread([this](const std::stop_token& stop) { updater_.serve(stop); });
  }

  Result<> serve(const Fd& signals) {
    LocalSocket socket = TRY(LocalSocket::listen(config_.agent.socket, group_id(config_.agent.control_group)));
    socket_ = &socket;
    notify_service_manager("READY=1\nSTATUS=" + summary());
    std::vector<pollfd> polls;
    for (;;) {
      polls.assign({{signals.get(), POLLIN, 0}, {mailbox_->fd(), POLLIN, 0}});
      socket.add_polls(polls);
      ::poll(polls.data(), polls.size(), static_cast<int>(sleep_time().count()));
      if (polls[0].revents != 0) break;
      if (polls[1].revents != 0) mailbox_->open_letters();
      socket.handle(std::span(polls).subspan(2), clock_.steady(),
                    [this](const LocalRequest& request, Fd attached) { return answer(request, std::move(attached)); });
      run_timers();
    }
    notify_service_manager("STOPPING=1");
    socket_ = nullptr;
    return {};
  }

  // A watchdog that is armed stays so: a trial, or a restart, must come to its end.
  void stop() {
    ending_ = true;
    reach_.stop();
    surroundings_.stop();
    work_.request_stop();
    if (work_.joinable()) work_.join();
    if (judge_.joinable()) judge_.join();
    inventory_.stop();
    vitals_.stop();
    link_.reset();
    log::set_observer({});
  }

 private:
  SurroundingsHooks hooks() {
    return SurroundingsHooks{.changed =
                                 [this] {
                                   if (link_) link_->report_soon();
                                   mailbox_->post([this] { on_change(); });
                                 },
                             .progressed = [this] { tell_progress(); },
                             .begin_trial = [this] { mailbox_->post([this] { begin_trial(); }); },
                             .server_in_reach = [this] { return reach_.now(); },
                             .restart = [this](const std::optional<std::string>& argument) { return restart(argument); }};
  }

  ServerListener link_listener() {
    return ServerListener{
        .assigned =
            [this](std::optional<Wanted> wanted) { mailbox_->post([this, wanted = std::move(wanted)] { follower_.assign(wanted); }); },
        .reached =
            [this](Result<> outcome) {
              const bool was = reach_.now();
              const std::string before = reach_.problem();
              reach_.note(outcome);
              if (outcome && !was) log::info("connected to " + config_.server->url);
              if (!outcome && outcome.error().text() != before) log::warning("server: " + outcome.error().text());
              if (outcome.has_value() != was) mailbox_->post([this] { on_change(); });
            },
        .inventory = [this] { return inventory_.latest(); },
        .vitals = [this] { return vitals_.latest(); },
        .problem = [this] { return problem_of(updater_.status()); },
        .state_of = [this](std::uint64_t deployment) { return state_of(deployment); },
        .agreed = [this](std::uint64_t deployment) { return gate_.agreed(deployment); }};
  }

  std::optional<update::State> state_of(std::uint64_t deployment) const {
    update::State now = updater_.status().state;
    if (now.deployment == deployment) return now;
    for (update::State& past : updater_.history())
      if (past.deployment == deployment) return std::move(past);
    return std::nullopt;
  }

  // As the boot state has it; false where it cannot be read.
  bool is_committed() {
    const auto state = boot_->read();
    return state && boot::is_committed(*state, facts_.booted_group);
  }

  bool may_settle() const { return is_known_good(updater_.status(), updater_.history(), facts_); }

  void settle() {
    watches_trial_ = false;
    trial_start_.forget();
    guard_.settle(clock_.steady());
  }

  void watch_trial() {
    if (may_settle()) return settle();
    if (reset_leads_back_) return;
    reset_leads_back_ = has_no_way_back();
    if (reset_leads_back_) guard_.arm(clock_.steady(), SteadyTime::max());
  }

  bool has_no_way_back() {
    const auto state = boot_->read();
    return state && !boot::is_another_committed(*state, facts_.booted_group);
  }

  ResetGuard::Giver watchdog_giver() const {
    if (!facts_.systemd) return {};
    return [this](std::chrono::seconds timeout) { return give_watchdog_to_systemd(kSystemdDropIns, config_.watchdog.device, timeout); };
  }

  SteadyTime trial_deadline() { return trial_start_.begun(clock_.steady()) + config_.health.deadline; }

  // A trial that does not come to its end is reset, but where no other system could be booted: a reset would lead back to this one, and use
  // up a try. The watchdog first: a write to the state folder may hang.
  void arm_for_trial() {
    watches_trial_ = true;
    reset_leads_back_ = has_no_way_back();
    const SteadyTime end = trial_deadline() + kTrialGrace;
    guard_.arm(clock_.steady(), reset_leads_back_ ? SteadyTime::max() : end);
    trial_start_.keep();
  }

  void begin_trial() {
    if (judge_.joinable()) return;
    arm_for_trial();
    TrialRules rules{.health = config_.health, .systemd = facts_.systemd, .server = config_.server ? config_.server->url : ""};
    const auto deadline = std::chrono::steady_clock::now() + (trial_deadline() - clock_.steady());
    judge_ = std::thread([this, rules = std::move(rules), deadline] {
      const HealthVerdict verdict = judge_trial(rules, reach_, deadline, ending_);
      if (!ending_) updater_.health_result(verdict);
    });
  }

  // On the updater's thread.
  Result<> restart(const std::optional<std::string>& argument) {
    auto armed = std::make_shared<std::promise<void>>();
    mailbox_->post([this, armed] {
      watches_trial_ = false;
      guard_.arm(clock_.steady(), clock_.steady() + kRestartGrace);
      armed->set_value();
    });
    armed->get_future().wait_for(std::chrono::seconds(5));
    vitals_.restarting(true);
    const Result<> done = ask_for_restart(argument);
    if (!done) vitals_.restarting(false);
    return done;
  }

  Result<> ask_for_restart(const std::optional<std::string>& argument) {
    const std::vector<std::string> command = restart_command(config_.agent, facts_.systemd, argument);
    if (command.empty()) return restart_directly(*argument);
    const auto end = TRY(run_process(command, kRestartLimit));
    if (!end.timed_out && end.exit_status == 0) return {};
    return fail(kProcess, "cannot restart the machine: " + command.front() + " ended with status " + std::to_string(end.exit_status) +
                              ": " + last_line(end.output));
  }

  void tell_progress() {
    const SteadyTime now = clock_.steady();
    if (now - progress_told_ < kShownProgressInterval) return;
    progress_told_ = now;
    mailbox_->post([this] {
      if (socket_ != nullptr) socket_->tell_watchers(to_json(status()));
    });
  }

  void on_change() {
    const auto state = updater_.status().state;
    if (watches_trial_) watch_trial();
    const bool keeps_source = state.phase == Phase::offered || state.phase == Phase::accepted || state.phase == Phase::downloading ||
                              state.phase == Phase::installing || state.phase == Phase::deferred;
    if (state.update > detached_update_ && !keeps_source) {
      detached_update_ = state.update;
      opener_.detach();
    }
    if (socket_ != nullptr) socket_->tell_watchers(to_json(status()));
    notify_service_manager("STATUS=" + summary());
    follower_.follow();
  }

  bool cancel() {
    const bool taken = updater_.cancel();
    surroundings_.end_pause();
    return taken;
  }

  Json answer(const LocalRequest& request, Fd attached) {
    switch (request.verb) {
      case Verb::status:
      case Verb::watch: return to_json(status());
      case Verb::history: return history();
      case Verb::install: return install(request.uri, std::move(attached));
      case Verb::check:
        updater_.mend();
        follower_.ask();
        if (!link_) return error_answer({kNoServer, "no [server] is configured"});
        link_->check_now();
        surroundings_.end_pause();
        return ok_answer();
      case Verb::defer: return defer(request.defer_for);
      case Verb::cancel:
        if (cancel()) return ok_answer();
        return error_answer({kNothingToCancel, "no update is under way, or its new system is armed already; see aloftd status"});
      case Verb::accept: return accept();
    }
    return error_answer({kBadRequest, "unknown request"});
  }

  Json install(const std::string& uri, Fd attached) {
    if (attached) detached_update_ = updater_.status().state.update;  // what is attached now is for a later one
    const auto source = attached ? opener_.attach(uri, std::move(attached)) : uri;
    if (!source) return error_answer(source.error());
    const auto offered = updater_.offer(*source, 0);
    return offered ? ok_answer() : error_answer(offered.error());
  }

  Json defer(std::chrono::seconds time) {
    if (const auto set = deferral_.set(clock_.now() + time); !set) return error_answer(set.error());
    if (time > time.zero()) updater_.defer("deferred at the device until " + to_iso8601(deferral_.until()));
    surroundings_.end_pause();
    return ok_answer();
  }

  Json accept() {
    if (const auto agreed = follower_.accept(); !agreed) return error_answer(agreed.error());
    if (link_) link_->check_now();
    return ok_answer();
  }

  Json history() const {
    Json updates = Json::array();
    for (const update::State& past : updater_.history()) updates.push_back(update_json(past));
    return Json{{"ok", true}, {"updates", std::move(updates)}};
  }

  AgentStatus status() {
    AgentStatus now{.product = config_.product,
                    .hardware = config_.hardware,
                    .version = facts_.version,
                    .group = facts_.booted_group,
                    .deferred_until = deferral_.left() > milliseconds::zero() ? to_iso8601(deferral_.until()) : "",
                    .update = updater_.status(),
                    .boot = {},
                    .server = {},
                    .watchdog = guard_.status(),
                    .reports_waiting = spool_->size()};
    if (auto state = boot_->read()) now.boot = *std::move(state);
    if (server_)
      now.server = ServerStatus{.url = server_->url(),
                                .name = server_->facts().name,
                                .key_sha256 = server_->key_sha256(),
                                .enrolled = server_->enrolled(),
                                .connected = reach_.now(),
                                .problem = reach_.problem()};
    return now;
  }

  std::string summary() const {
    const auto state = updater_.status().state;
    std::string text = "group " + facts_.booted_group + ", version " + facts_.version;
    if (state.update != 0) text += "; last update: " + std::string(update::to_string(state.phase));
    return text;
  }

  milliseconds sleep_time() const {
    milliseconds time = kLongestSleep;
    const auto until = [&](SteadyTime then) { time = std::clamp(then - clock_.steady(), milliseconds(0), time); };
    if (const auto tick = guard_.next_tick()) until(*tick);
    if (service_interval_) until(service_told_ + *service_interval_);
    if (const auto left = deferral_.left(); left > milliseconds::zero()) time = std::min(time, left + milliseconds(50));
    until(idle_checked_ + kIdleCheck);
    return time;
  }

  void run_timers() {
    const SteadyTime now = clock_.steady();
    guard_.tick(now);
    if (service_interval_ && now >= service_told_ + *service_interval_) {
      service_told_ = now;
      notify_service_manager("WATCHDOG=1");
    }
    const update::State state = updater_.status().state;
    const auto phase = state.phase;
    if (phase == Phase::deferred && deferral_.left() == milliseconds::zero()) follower_.go_on(state);
    if (now < idle_checked_ + kIdleCheck) return;
    idle_checked_ = now;
    if (follower_.held_back()) follower_.follow();
    if (update::is_at_rest(phase) && resident_bytes() > kIdleResidentBytes) release_idle_memory();
  }

  const Config& config_;
  const SystemFacts facts_;
  mutable SystemClock clock_;
  SystemRandom random_;
  const SteadyTime started_ = clock_.steady();
  Fd lock_;
  LogRing ring_;
  update::StateFolder files_;
  TrialStart trial_start_{files_, facts_.boot_id};
  std::unique_ptr<boot::BootControl> boot_;
  std::unique_ptr<ReportSpool> spool_;
  std::unique_ptr<Mailbox> mailbox_;
  std::unique_ptr<ServerStanding> server_;  // null without [server]
  Deferral deferral_{config_.state_dir / "deferred-until", clock_};
  InstallGate gate_{config_.state_dir / "consent", config_.state_dir / "install-policy", clock_};
  HoldGate hold_gate_{config_.state_dir / "hold"};
  ServerReach reach_;
  ResetGuard guard_{config_.watchdog, watchdog_giver()};
  SourceOpener opener_{config_, server_.get(), clock_, random_};
  ConfiguredSlots slots_{config_, files_};
  DownloadGate download_gate_{config_.download, config_.state_dir / "download-policy", interfaces_in_use};
  MachineSurroundings surroundings_{*spool_, deferral_, download_gate_, hold_gate_, gate_, ring_, config_.state_dir / "logs",
                                    clock_,  hooks()};
  Updater updater_{
      UpdaterConfig{.product = config_.product,
                    .hardware = config_.hardware,
                    .booted = facts_.booted_group,
                    .boot_id = facts_.boot_id,
                    .reuse = config_.download.reuse,
                    .recovery = config_.recovery,
                    .tries = tries(config_, *boot_),
                    .reset_by_watchdog = guard_.status().caused_last_boot},
      UpdaterSeams{.bundles = opener_, .slots = slots_, .boot = *boot_, .files = files_, .clock = clock_, .surroundings = surroundings_}};

  Follower follower_{{.updater = updater_,
                      .install_gate = gate_,
                      .hold_gate = hold_gate_,
                      .download_gate = download_gate_,
                      .cancel = [this] { cancel(); },
                      .tell = [this](std::uint64_t deployment, const Error& why) { surroundings_.tell_refusal(deployment, why); }}};
  bool watches_trial_ = false;         // the guard is armed since the system may be on trial; not for a restart
  bool reset_leads_back_ = false;      // while it is: there is no other system that could be booted
  std::uint64_t detached_update_ = 0;  // the last whose source is no longer needed
  LocalSocket* socket_ = nullptr;      // while it listens
  std::atomic<bool> ending_ = false;
  SteadyTime progress_told_{};  // the updater's thread
  const std::optional<milliseconds> service_interval_ = service_watchdog_interval();
  SteadyTime service_told_{};
  SteadyTime idle_checked_ = started_;

  const WatchdogFacts watchdog_facts_ = watchdog_facts(config_.watchdog.device, WatchdogPlaces{}.sysfs);
  Inventory inventory_{config_.inventory};  // asked by the link, and wakes it; so are the vitals
  VitalsKeeper vitals_{config_.metrics, {.state_dir = config_.state_dir, .panic_dirs = config_.agent.panic_dirs}, clock_};
  std::unique_ptr<ServerLink> link_;
  std::thread judge_;
  std::jthread work_;
};

Result<std::unique_ptr<ServerStanding>> make_standing(const Config& config, const SystemFacts& facts, Clock& clock) {
  if (!config.server) return nullptr;
  DeviceFacts device{.name = TRY(device_name(*config.server, facts.machine_id)),
                     .product = config.product,
                     .hardware = config.hardware,
                     .version = facts.version};
  if (config.server->hawkbit) return std::make_unique<DdiStanding>(*config.server, std::move(device), clock);
  return std::make_unique<ServerSession>(*config.server, config.state_dir, std::move(device), clock);
}

}  // namespace

Result<> run_daemon(const Config& config) {
  const Fd signals = TRY(catch_signals());
  auto boot = std::make_unique<boot::SharedControl>(TRY(open_boot_control(config)));
  SystemFacts facts = TRY(read_system_facts(config, *boot));
  SystemClock clock;
  Fd lock = TRY(lock_state(config));
  update::StateFolder files(config.state_dir);
  auto spool = ReportSpool::open(config.state_dir / "reports");
  auto server = TRY(make_standing(config, facts, clock));
  Daemon daemon(config, std::move(facts), std::move(lock), std::move(files), std::move(boot), std::move(spool), TRY(Mailbox::create()),
                std::move(server));
  daemon.start();
  const auto served = daemon.serve(signals);
  daemon.stop();
  return served;
}

}  // namespace aloft::agent
