// Carries an update out: does the actions that update/step.hpp asks for, writes the journal before and after each, and feeds the
// outcomes back.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/block_index.hpp"
#include "agent/download_plan.hpp"
#include "agent/download_tally.hpp"
#include "agent/reuse_frames.hpp"
#include "agent/waiting_switches.hpp"
#include "base/clock.hpp"
#include "boot/boot_control.hpp"
#include "bundle/compatibility.hpp"
#include "bundle/reader.hpp"
#include "protocol/messages.hpp"
#include "storage/installer.hpp"
#include "storage/target.hpp"
#include "update/journal.hpp"
#include "update/step.hpp"

namespace aloft::agent {

// An open bundle and the source that feeds it.
class OpenBundle {
 public:
  virtual ~OpenBundle() = default;
  virtual bundle::Reader& reader() = 0;
  // Bytes of the delta's records for the image; none: there is no delta for it.
  virtual std::optional<std::uint64_t> delta_bytes(std::size_t /*image*/) const { return std::nullopt; }
  // The image's frames by way of a delta from what `old` holds; null where there is no delta for it.
  virtual std::unique_ptr<storage::FrameMaker> by_delta(std::size_t /*image*/, std::unique_ptr<ByteSource> /*old*/) { return nullptr; }
  // Whether that delta starts from a tree of files; then the frames by way of what the root folder `tree` holds.
  virtual bool starts_from_tree(std::size_t /*image*/) const { return false; }
  virtual std::unique_ptr<storage::FrameMaker> by_delta_of_tree(std::size_t /*image*/, Fd /*tree*/) { return nullptr; }
  virtual bool has_delta() const { return false; }
  virtual std::uint64_t fetched_bytes() const { return 0; }  // over a network, so far
  // Its whole file, for what may be read without a check; null where it is not read by offset over a network.
  virtual ByteSource* file() { return nullptr; }
  // It comes over a network: what a power cut takes is fetched again, so each frame is made durable before the next is asked for.
  virtual bool is_remote() const = 0;
};

// Opens a bundle by where it is: a path or URL as given to Updater::offer. Trust, tokens and clock are its own. Blocks.
class BundleOpener {
 public:
  virtual ~BundleOpener() = default;
  virtual Result<std::unique_ptr<OpenBundle>> open(const std::string& source) = 0;
  // For what is opened next: reading it ends with kOverBudget before more than this has come over a network. why: what says so, for people.
  virtual void limit_fetching(std::uint64_t /*most_bytes*/, const std::string& /*why*/) {}
  // For what is opened next: opening and reading what waits for its bytes ends with an error, for good, once this is asked for.
  virtual void end_with(const std::stop_token& /*stop*/) {}
};

using bundle::SlotFacts;

// The device's slots by group ("A") and class ("rootfs"), as system.toml has them.
class Slots {
 public:
  virtual ~Slots() = default;
  virtual std::vector<std::string> groups() const = 0;
  // Every class of a group, with its device's size.
  virtual Result<std::map<std::string, SlotFacts>> facts(const std::string& group) = 0;
  // For writing an image of this type. Must refuse a device that is in use (FileDevice does, by O_EXCL).
  virtual Result<storage::Target> open(const std::string& group, const bundle::Image& image) = 0;
  // What a group's slot of a class holds, read only; null where that is not an image byte for byte.
  virtual Result<std::unique_ptr<ByteSource>> look(const std::string& /*group*/, const std::string& /*slot_class*/) { return nullptr; }
  // The root folder of the file system that it holds, read only and out of which no path is to lead; no descriptor where it holds none.
  virtual Result<Fd> look_into(const std::string& /*group*/, const std::string& /*slot_class*/) { return Fd(); }
  // The names of the blocks that look() gives, in order. Errors: the source's; kCancelled when `stop` says so.
  virtual Result<std::vector<BlockName>> block_names(const std::string& /*group*/, const std::string& /*slot_class*/, ByteSource& slot,
                                                     const std::function<bool()>& stop) {
    return name_blocks(slot, stop);
  }
  // The image has been written and verified. What its slot still has to do once the group is committed is kept durably.
  virtual Result<> written(const bundle::Image&) { return {}; }
  // The new group is committed: shared slots switch. Done at each start and before the next update until it has returned once.
  virtual Result<> commit() { return {}; }
  // As commit() for what a commit has asked for already.
  virtual Result<> make_up() { return {}; }
  // The new group is given up, or its target is about to be written anew: what waited for a commit that never came is forgotten.
  virtual Result<> abandon() { return {}; }
  // Shared slots that do not do what a commit asked for; and why one of a class could not switch to anything new. See SharedSwitches.
  virtual std::vector<RefusedSwitch> refused() { return {}; }
  virtual std::optional<RefusedSwitch> refusal_of(const std::string& /*slot_class*/) { return std::nullopt; }
};

// What the updater needs of the world around it. Called on the thread that runs the updater, without its lock; may call its methods.
class Surroundings {
 public:
  virtual ~Surroundings() = default;
  // Whether an update may go on now. Answer by accept(), defer() or cancel(), at once or later.
  virtual void decide(const update::State& offered) = 0;
  // Each transition, in order, already durable in the journal; after a start those of the last update again (deployment and
  // sequence tell which are known).
  virtual void transition(const update::State& state) = 0;
  // Why its target may be written, but not armed now: it then waits as deferred, with that reason. deployment: never 0.
  virtual std::optional<Error> hold(std::uint64_t /*deployment*/) { return std::nullopt; }
  // What may be fetched for it now. deployment 0: a local install.
  virtual DownloadLimits download_limits(std::uint64_t /*deployment*/) { return {}; }
  // What the images of the update under way have cost, before the transition that follows from it.
  virtual void downloaded(const protocol::Download& /*cost*/) {}
  virtual void progress(std::uint64_t permille) = 0;
  // The new system is on trial: judge it and answer by health_result().
  virtual void begin_trial(const update::State& state) = 0;
  // Sees to it that the machine restarts (with the watchdog armed), after what must be said before is said. May return before the
  // machine goes down; nothing more is done until then. argument: for the boot loader, see BootControl::restart_argument. Errors: kind
  // retry.
  virtual Result<> reboot(const std::optional<std::string>& argument) = 0;
  // Between two attempts at an action that failed with kind retry. False: give up.
  virtual bool pause_before_retry(unsigned attempt) = 0;
  // In a recovery system, between two rounds at a normal one that must come to be. Ends early when something is asked for, or at the stop.
  virtual void pause_between_rounds() {}
  // UpdateStatus::trouble or refused has come, changed or gone.
  virtual void trouble_changed() {}
};

struct UpdaterConfig {
  std::string product;
  std::string hardware;
  std::string booted;    // the running group
  std::string boot_id;   // /proc/sys/kernel/random/boot_id
  bool reuse = true;     // what slots have is used again
  std::string recovery;  // the group that is the recovery system; empty: there is none
  unsigned tries = 3;
  bool reset_by_watchdog = false;                   // it was the hardware watchdog that ended the boot before this one
  unsigned workers = 4;                             // this and the next: see storage::InstallOptions
  std::uint64_t settle_bytes = 128ULL << 20;        // for local bundles; remote ones settle frame by frame
  std::chrono::milliseconds mend_interval{30'000};  // at most, between looks whether a trouble is over; from 1 s on, doubling
};

struct UpdaterSeams {
  BundleOpener& bundles;
  Slots& slots;
  boot::BootControl& boot;
  update::StateFiles& files;
  Clock& clock;
  Surroundings& surroundings;
};

// What is known of the running group.
enum class Standing : std::uint8_t {
  on_trial,       // it is not committed
  supposed_good,  // the boot state cannot be read, and the journal knows of no trial
  committed,
};

struct UpdateStatus {
  update::State state;
  std::optional<std::uint64_t> progress_permille;  // while installing
  std::string doing;                               // the action under way, or empty
  std::string boot_warning;                        // what is known against the boot loader, or empty
  std::optional<Error> trouble;                    // why no update can be begun for now
  std::vector<RefusedSwitch> refused = {};         // what the last commit asked for and shared slots do not do; see kSlotRefuses
  Standing standing = Standing::on_trial;
};

// What to ask for help with: the trouble, or else what is refused.
std::optional<Error> problem_of(const UpdateStatus& status);

struct HealthVerdict {
  bool healthy;
  std::string reason;  // why not
};

// What the server is told a phase is.
protocol::UpdateState reported_state(update::Phase phase);

// Threads: start() and run() (or serve()) belong to one thread, which blocks while it fetches and writes. Everything else may be called
// from any thread and returns at once; what it asks for is done by the running thread.
class Updater {
 public:
  Updater(UpdaterConfig config, UpdaterSeams seams);

  // Reads journal and boot state, finds out what happened since, and queues what follows. A journal that cannot be read is begun anew, boot
  // state that is corrupt is rebuilt around the running group. What cannot be mended (boot state that cannot be read, a state folder that
  // cannot be written) is trouble: the error is it, and everything else goes on. While it lasts no update is begun; serve() looks again.
  // Errors: kBootStateUnreadable, kStateUnwritable, what keeps the last commit from being finished.
  Result<> start();
  // Has serve() look again now.
  void mend();

  // An update from `source` ("https://...", a path). deployment: the server's number, 0 for a local install. Errors: kNotNow while
  // another update is under way, the trouble. A trouble that is found before it is begun lets a deployment wait, as if it had not been
  // offered. The same deployment again, while it is under way or was the last one, changes nothing.
  Result<> offer(const std::string& source, std::uint64_t deployment);
  // source: where the bundle comes from by now; empty: as it was offered.
  void accept(const std::string& source = {});
  void defer(const std::string& why);
  void defer(const Error& why);  // its number stays with the state: what it waits for is told apart by it
  // Until it is armed. False: it is too late, or no update is under way.
  bool cancel();
  void health_result(const HealthVerdict& verdict);
  UpdateStatus status() const;
  std::vector<update::State> history() const;

  // Does everything that is queued and returns when it has to wait for one of the calls above, or for the reboot.
  void run();
  // run(), again after each call above, until stopped. Stopping also ends a fetch between frames, which is taken up by the next start.
  void serve(const std::stop_token& stop);

 private:
  // What happens to the update
  void post(update::Event event);
  bool interrupt(update::Event event);
  std::optional<update::Event> next_event();
  std::optional<update::Event> apply(const update::Event& event);
  Result<> record(update::State& state);
  std::optional<update::Event> refuse_for_now();
  void enter(const update::State& state, update::Action action);
  bool interrupted() const;
  void end_interruption();
  std::stop_token stop_token() const;
  // At start
  Result<boot::BootState> boot_state(const update::State& known);
  Result<boot::BootState> readable_boot_state(const update::State& known);
  boot::BootState supposed_boot_state(const update::State& known) const;
  Result<> try_state_folder();
  void set_trouble(std::optional<Error> trouble);
  void look_again();
  update::State waking_facts(update::EventKind kind, const update::State& known, const boot::BootState& boot) const;
  // Actions; each outcome is the next event
  std::optional<update::Event> perform(update::Action action);
  Result<std::optional<update::Event>> act(update::Action action);
  Result<update::Event> open_bundle();
  Result<> prepare_target();
  Result<> write_images();
  std::optional<Error> hold() const;
  Result<> check_refusals(const bundle::Manifest& manifest) const;
  Result<> check_hold(const bundle::Manifest& manifest, const std::string& target, const std::map<std::string, SlotFacts>& slots) const;
  std::unique_ptr<storage::FrameMaker> frames_by_delta(const bundle::Image& image, std::size_t index);
  Result<std::unique_ptr<ReuseFrames>> frames_by_reuse(const bundle::Image& image, std::size_t index, const std::stop_token& stop);
  Result<> write_image(bundle::Reader& reader, std::size_t place, const std::stop_token& stop);
  std::uint64_t likely_frames(const bundle::Image& image, std::size_t place) const;
  Result<> plan_images(OpenBundle& opened, const std::string& target, const DownloadLimits& limits);
  bool can_use_old(const std::string& target) const;
  Result<> write_all_images();
  void tally();
  void watch_limits();
  void mark(std::uint64_t image, std::uint64_t frames, std::uint64_t frame_bytes);
  void tell_progress(std::uint64_t permille);
  Result<> arm();
  Result<> reboot();
  Result<> commit();
  Result<> commit_running();
  Result<> finish_last_commit();
  void note_refused();
  Result<> abandon_target();
  // With a recovery system
  bool in_recovery() const { return !config_.recovery.empty() && config_.booted == config_.recovery; }
  update::EventKind failure_event(update::Action action, const Error& error);
  Result<> summon_recovery();
  Result<> abandon_recovery();
  Result<> rest();

  const UpdaterConfig config_;
  const UpdaterSeams seams_;
  std::optional<update::Journal> journal_;
  std::unique_ptr<OpenBundle> bundle_;    // between opened and written
  std::optional<DownloadTally> tally_;    // from its opening to the end of its images
  DownloadPlan plan_;                     // of bundle_
  std::uint64_t spent_before_bytes_ = 0;  // before bundle_ was opened
  SteadyTime limits_seen_{};
  std::uint64_t tallied_bytes_ = 0;                             // of what bundle_ has fetched
  std::vector<std::size_t> order_;                              // of its images, to be written; the mark's image is a place in it
  std::optional<std::optional<std::string>> restart_argument_;  // once it has been asked for: asking again would use up another try

  mutable std::mutex mutex_;
  std::condition_variable_any posted_;
  std::deque<update::Event> events_;
  bool takes_offer_ = false;  // it has left events_, and its state is not here yet
  update::State state_;
  std::optional<std::uint64_t> progress_permille_;
  update::Action doing_ = update::Action::none;
  std::vector<update::State> history_;
  std::string boot_warning_;
  Standing standing_ = Standing::on_trial;
  std::stop_source stop_install_;  // asked to stop from interrupt() until its event is applied
  std::optional<Error> trouble_;
  std::vector<RefusedSwitch> refused_;
  bool mend_asked_ = false;
  bool stopping_ = false;
  bool going_down_ = false;
};

}  // namespace aloft::agent
