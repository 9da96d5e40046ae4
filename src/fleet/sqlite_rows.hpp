// Rows that more than one part of the SQLite store reads. For writers inside a transaction too.
#pragma once

#include "fleet/sqlite.hpp"
#include "fleet/store.hpp"

namespace aloft::fleet {

Result<Device> find_device(Database& database, const std::string& name);                                       // kDeviceUnknown
Result<Release> find_release(Database& database, std::uint64_t id);                                            // kReleaseUnknown
Result<Deployment> find_deployment(Database& database, std::uint64_t id);                                      // kDeploymentUnknown
Result<DeviceFacts> find_facts(Database& database, const std::string& name);                                   // kDeviceUnknown
Result<bool> replace_attributes(Database& database, const std::string& device, const Attributes& attributes);  // whether any changed
// Sets the device's membership in the groups by filter, after something about it has changed. A device that is not there has none.
Result<> refresh_groups(Database& database, const std::string& device);

}  // namespace aloft::fleet
