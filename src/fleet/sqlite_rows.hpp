// Rows that more than one part of the SQLite store reads. For writers inside a transaction too.
#pragma once

#include "fleet/sqlite.hpp"
#include "fleet/store.hpp"

namespace aloft::fleet {

Result<Device> find_device(Database& database, const std::string& name);   // kDeviceUnknown
Result<Release> find_release(Database& database, std::uint64_t id);        // kReleaseUnknown
Result<Deployment> find_deployment(Database& database, std::uint64_t id);  // kDeploymentUnknown

}  // namespace aloft::fleet
