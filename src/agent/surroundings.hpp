// What the updater finds around it on a real machine: policy, reports, the trial, the reboot.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>

#include "agent/deferral.hpp"
#include "agent/download_gate.hpp"
#include "agent/hold_gate.hpp"
#include "agent/install_gate.hpp"
#include "agent/log_ring.hpp"
#include "agent/spool.hpp"
#include "agent/updater.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"

namespace aloft::agent {

// What the machine does about it; each may be called from the updater's thread.
struct SurroundingsHooks {
  std::function<void()> changed;          // there is a new status, or there are new reports
  std::function<void()> progressed;       // often
  std::function<void()> begin_trial;      // judge the running system, then answer Updater::health_result
  std::function<bool()> server_in_reach;  // reports that are still on their way can be delivered
  std::function<Result<>(const std::optional<std::string>& argument)> restart;  // arms the watchdog and restarts the machine
};

class MachineSurroundings final : public Surroundings {
 public:
  // Everything must outlive this. log_dir gets "<deployment>.log" for each update of the server that went wrong, and "update.log" before
  // a restart, so that the log outlives it.
  MachineSurroundings(ReportSpool& spool, const Deferral& deferral, const DownloadGate& download_gate, const HoldGate& hold_gate,
                      const InstallGate& install_gate, LogRing& ring, std::filesystem::path log_dir, Clock& clock, SurroundingsHooks hooks);
  // Before anything else is called.
  void attach(Updater& updater) { updater_ = &updater; }

  void decide(const update::State& offered) override;
  void transition(const update::State& state) override;
  std::optional<Error> hold(std::uint64_t deployment) override { return hold_gate_.objection(deployment); }
  DownloadLimits download_limits(std::uint64_t deployment) override { return download_gate_.limits(deployment); }
  void downloaded(const protocol::Download& cost) override { download_ = cost; }
  void progress(std::uint64_t permille) override;
  void begin_trial(const update::State& state) override;
  Result<> reboot(const std::optional<std::string>& argument) override;
  bool pause_before_retry(unsigned attempt) override;
  void pause_between_rounds() override;
  void trouble_changed() override { hooks_.changed(); }

  // Tells the server why its deployment is not carried out for now; once for each reason. The caller's thread: one.
  void tell_refusal(std::uint64_t deployment, const Error& why);
  void stop();       // pauses end at once, and no more attempts are made
  void end_pause();  // the pause under way ends, and the attempt is made

 private:
  void report(const Event& event);
  void save_log(const update::State& state);

  ReportSpool& spool_;
  const Deferral& deferral_;
  const DownloadGate& download_gate_;
  const HoldGate& hold_gate_;
  const InstallGate& install_gate_;
  LogRing& ring_;
  const std::filesystem::path log_dir_;
  Clock& clock_;
  const SurroundingsHooks hooks_;
  Updater* updater_ = nullptr;
  SystemRandom random_;

  std::optional<protocol::Download> download_;  // to be told with the next transition; the updater's thread
  std::string refusal_told_;                    // deployment and reason
  std::uint64_t reported_permille_ = 0;         // the updater's thread
  SteadyTime reported_at_{};

  std::mutex mutex_;
  std::condition_variable woken_;
  bool stopped_ = false;
  std::uint64_t ended_pauses_ = 0;
};

}  // namespace aloft::agent
