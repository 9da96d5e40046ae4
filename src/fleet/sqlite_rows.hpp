// Rows that more than one part of the SQLite store reads. For writers inside a transaction too.
#pragma once

#include "fleet/sqlite.hpp"
#include "fleet/store.hpp"

namespace aloft::fleet {

// As rows keep a state.
constexpr std::uint64_t number_of(UpdateState state) { return static_cast<std::uint64_t>(state); }

// The id of a device that is inserted: one that no device ever had, as whoever follows a fleet in memory may know a deleted one still.
#define ALOFT_NEW_DEVICE_ID "1+max((SELECT coalesce(max(id),0) FROM devices),(SELECT highest_id FROM deleted_devices))"

Result<Device> find_device(Database& database, const std::string& name);            // kDeviceUnknown
Result<std::uint64_t> find_device_id(Database& database, const std::string& name);  // kDeviceUnknown
Result<Release> find_release(Database& database, std::uint64_t id);                 // kReleaseUnknown
// The lowest release that the device has to pass through on its way to the target, if any is left: must_pass, for its hardware, between
// both versions by natural_order, and not committed in this rollout before.
Result<std::optional<Release>> find_stone(Database& database, const Device& device, std::uint64_t device_id, std::uint64_t rollout,
                                          const Release& target);
Result<Deployment> find_deployment(Database& database, std::uint64_t id);                                      // kDeploymentUnknown
Result<DeviceFacts> find_facts(Database& database, const std::string& name);                                   // kDeviceUnknown
Result<bool> replace_attributes(Database& database, const std::string& device, const Attributes& attributes);  // whether any changed
// Sets the device's membership in the groups by filter, after something about it has changed. A device that is not there has none.
Result<> refresh_groups(Database& database, const std::string& device);

// Gives the id, and what stands in its user's row. Errors: kTokenUnknown when that is gone.
Result<AccessToken> insert_access_token(Database& database, AccessToken token);
// What the deployment cost, in its row and in the totals.
Result<> note_download(Database& database, std::uint64_t deployment, const protocol::Download& download);
// Files of the release's deltas, none of which has a row any more after this.
Result<std::vector<Digest>> forget_deltas(Database& database, std::uint64_t release);
// As the rows of releases and deltas keep lists of names.
std::string as_list(const std::vector<std::string>& texts);
std::vector<std::string> from_list(const std::string& text);

}  // namespace aloft::fleet
