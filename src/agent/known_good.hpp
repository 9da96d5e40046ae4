// Whether the running system is known to be good, so that nothing is to reset it.
#pragma once

#include <vector>

#include "agent/system_facts.hpp"
#include "agent/updater.hpp"

namespace aloft::agent {

// The boot state's word counts. Where it cannot be read, a good system goes on all the same: the journal must know of no trial; and what
// the boot loader chose as one (it says so for as long as the machine is up) is good only if the journal has its commit, and nothing since
// for which it was written or started. history: as Updater::history() has it.
bool is_known_good(const UpdateStatus& now, std::vector<update::State> history, const SystemFacts& facts);

}  // namespace aloft::agent
