// Looks at a delta before devices are offered it.
#pragma once

#include <filesystem>
#include <vector>

#include "fleet/blob_folder.hpp"
#include "fleet/delta_store.hpp"
#include "protocol/delta_ability.hpp"

namespace aloft::fleet {

// The release that the delta leads to, its sources and size; version, hardware, digest of the file and times are left for the caller.
// Only what stands before the records is read: they prove themselves on each device. Errors: 11000-11099, kDeltaTarget when it makes
// another bundle than the release, kDeltaSource when it starts from nothing.
Result<Delta> inspect_delta(const std::filesystem::path& file, const Release& release);

// What an agent must know to apply it. Errors: 11000-11099.
Result<protocol::DeltaAbility> needs_of(const std::filesystem::path& file);

// The first of these releases whose images are those that the delta starts from; their bundles are read for it. Errors: kDeltaSource.
Result<Release> find_source(const Delta& delta, const std::vector<Release>& releases, const BlobFolder& blobs);

}  // namespace aloft::fleet
