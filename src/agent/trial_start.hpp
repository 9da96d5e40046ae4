// When the trial under way began: the agent's first start in this boot, however often it has been started again since. A trial's end must
// not move away with an agent that crashes.
#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "update/state_files.hpp"

namespace aloft::agent {

// One thread.
class TrialStart {
 public:
  // boot_id: what is kept counts in the same boot only; empty: nothing is kept. files must outlive it.
  TrialStart(update::StateFiles& files, std::string boot_id) : files_(files), boot_id_(std::move(boot_id)) {}
  // When it began, by Clock::steady(), which counts from the boot; `now` unless it has begun already. The same until forget().
  SteadyTime begun(SteadyTime now);
  // For the agents that come after this one in this boot. Durable on return; where it cannot be kept, they begin anew.
  void keep();
  // No trial is under way: the next begins when it begins.
  void forget();

 private:
  std::optional<SteadyTime> kept() const;

  update::StateFiles& files_;
  const std::string boot_id_;
  std::optional<SteadyTime> begun_;
  bool kept_ = false;
  bool forgotten_ = false;
};

}  // namespace aloft::agent
