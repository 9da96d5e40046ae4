// aloftd partition: makes the partitions that system.toml asks for.
#pragma once

#include "agent/config.hpp"
#include "base/random.hpp"
#include "storage/partition_plan.hpp"

namespace aloft::agent {

// Prints what is changed, or would be; "nothing to do" where all is as configured. Every disk is looked at before the first is written.
// Errors: of storage::partition_disk.
Result<> partition(const Config& config, storage::Apply apply, Random& random);

}  // namespace aloft::agent
