// Runs the rollouts: feeds what happens in the fleet to each fleet::RolloutRun, carries its orders out in the store, and wakes the devices
// that got something. On the loop's thread.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "base/clock.hpp"
#include "fleet/rollout_run.hpp"
#include "fleet/store.hpp"
#include "httpd/tasks.hpp"
#include "httpd/workers.hpp"
#include "server/changes.hpp"
#include "server/rollout_pieces.hpp"
#include "server/roster.hpp"

namespace aloft::server {

class Rollouts {
 public:
  // All references outlive it.
  Rollouts(httpd::Tasks& tasks, fleet::Store& store, Roster& roster, Changes& changes, Clock& clock);
  // Those that are not final, as the store has them, and what the last run of the server has left in the middle; before the first request.
  Result<> load();
  // Ticks until stop().
  void begin();
  void stop();

  // With all of its devices; still `gathering` if the store cannot be written for the moment, which goes on later.
  httpd::Awaitable<Result<fleet::Rollout>> add(fleet::NewRollout rollout);
  // Errors: kRolloutUnknown, kRolloutState, kSecondPerson.
  httpd::Awaitable<Result<fleet::Rollout>> command(std::uint64_t id, fleet::RolloutEvent event, std::string by, std::uint64_t to_permille);
  // What it only let be downloaded is installed. Errors: as RolloutStore::release_rollout.
  httpd::Awaitable<Result<fleet::Rollout>> release(std::uint64_t id, std::string by);
  httpd::Awaitable<Result<>> cancel_device(std::uint64_t id, std::string device, std::string by);
  httpd::Awaitable<Result<fleet::RolloutPreview>> preview(fleet::RolloutPlan plan);
  // As it is now. What has ended is counted in the store, which takes long for a million devices: not on the loop. kRolloutUnknown.
  httpd::Awaitable<Result<fleet::Rollout>> look_up(std::uint64_t id);
  // Of fleet::RolloutStore; not on the loop either.
  httpd::Awaitable<Result<std::vector<fleet::Rollout>>> list(std::optional<bool> active, std::uint64_t before, std::size_t limit);
  // With the counts of now, which the store may not have yet for retries; nothing for those that are final.
  std::optional<fleet::Rollout> live(std::uint64_t id) const;
  // All that are not final.
  std::vector<fleet::Rollout> all_live() const;

 private:
  struct Running {
    fleet::RolloutRun run;
    fleet::Filter filter;
    fleet::Release release;
  };
  httpd::Awaitable<void> tick_until_stopped();
  void tick();
  httpd::Awaitable<void> watch();
  httpd::Awaitable<void> look_at_health(std::uint64_t id);
  httpd::Awaitable<void> look_for_others(std::uint64_t id);
  httpd::Awaitable<void> offer(std::uint64_t id, fleet::OfferOrder order);
  httpd::Awaitable<void> silence(std::uint64_t id, fleet::SilenceOrder order);
  httpd::Awaitable<Result<>> move(std::uint64_t id, fleet::MoveOrder order);
  httpd::Awaitable<void> move_by_itself(std::uint64_t id, fleet::MoveOrder order);
  httpd::Awaitable<Result<>> take_in(fleet::Rollout rollout);
  httpd::Awaitable<void> join(std::uint64_t id, fleet::Member member);
  httpd::Awaitable<void> join_all(std::uint64_t id);
  httpd::Awaitable<Result<RolloutPieces::Outcome>> gather(std::uint64_t id);
  httpd::Awaitable<void> gather_new(std::uint64_t id);
  httpd::Awaitable<void> withdraw(std::uint64_t id);
  httpd::Awaitable<void> let_go(std::uint64_t id);
  // What is to be done again from where it ended, by itself.
  enum class Leftover : std::uint8_t { gather, withdraw, let_go };
  void leave(Leftover what, std::uint64_t id, std::chrono::seconds for_now);
  bool ended_early(const Result<RolloutPieces::Outcome>& outcome, Leftover what, std::uint64_t id);
  void begin_leftovers();
  static Result<std::shared_ptr<Running>> read(fleet::Store& store, const fleet::Rollout& rollout, std::uint64_t now_ms);

  void tell(const fleet::Deployment& deployment);
  void device_changed(const std::string& name);
  void device_deleted(std::uint64_t device);
  void deployment_changed(const fleet::Deployment& deployment);
  void groups_changed();
  std::shared_ptr<Running> find(std::uint64_t id) const;
  std::uint64_t now_ms() const;

  httpd::Tasks& tasks_;
  fleet::Store& store_;
  Roster& roster_;
  Changes& changes_;
  Clock& clock_;
  httpd::Sleeper sleeper_;
  httpd::Sleeper watch_sleeper_;
  httpd::Workers disk_{1};  // long reads
  RolloutPieces pieces_;
  struct Later {
    Leftover what;
    std::uint64_t rollout;
    std::chrono::steady_clock::time_point time;
  };
  std::vector<Later> leftovers_;
  std::map<std::uint64_t, std::shared_ptr<Running>> running_;
  struct Successor {
    std::uint64_t rollout;
    std::string parent_version;
  };
  std::map<std::uint64_t, Successor> successors_;  // of rollouts that were rolled back: late commits go back too
  bool stopping_ = false;
};

}  // namespace aloft::server
