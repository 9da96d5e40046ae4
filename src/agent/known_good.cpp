#include "agent/known_good.hpp"

#include <algorithm>

namespace aloft::agent {

bool is_known_good(const UpdateStatus& now, std::vector<update::State> history, const SystemFacts& facts) {
  if (now.standing != Standing::supposed_good) return now.standing == Standing::committed;
  if (!facts.chosen_as_trial) return true;
  history.push_back(now.state);  // it may be one that could not be recorded
  const std::string& group = facts.booted_group;
  const auto last = std::find_if(history.rbegin(), history.rend(),
                                 [&](const update::State& state) { return state.target == group || state.via == group; });
  return last != history.rend() && last->target == group && last->phase == update::Phase::committed;
}

}  // namespace aloft::agent
