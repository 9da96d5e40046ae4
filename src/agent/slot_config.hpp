// The slots in system.toml: [group.NAME.CLASS] and [shared.CLASS]. Reference for people: docs/slots.md.
#pragma once

#include "agent/config.hpp"
#include "agent/toml_table.hpp"

namespace aloft::agent {

Result<> read_groups(Table& table, std::map<std::string, GroupConfig>& groups);
Result<> read_shared(Table& table, GroupConfig& shared);
// [[partition]]
Result<> read_partitions(Table& table, std::vector<PartitionConfig>& partitions);
// Every group has every class, no place is named twice, no shared class is a group's.
Result<> check_slots(const Config& config, std::string_view file);

}  // namespace aloft::agent
