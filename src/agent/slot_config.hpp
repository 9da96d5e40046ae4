// The slots in system.toml: [group.NAME.CLASS] and [shared.CLASS]. Reference for people: docs/slots.md.
#pragma once

#include "agent/config.hpp"
#include "base/toml_table.hpp"

namespace aloft::agent {

// Into config.groups and config.recovery.
Result<> read_groups(Table& table, Config& config);
Result<> read_shared(Table& table, GroupConfig& shared);
// [[partition]]
Result<> read_partitions(Table& table, std::vector<PartitionConfig>& partitions);
// Every normal group has every class, a recovery system none of theirs; no place is named twice, no shared class is a group's.
Result<> check_slots(const Config& config, std::string_view file);

}  // namespace aloft::agent
