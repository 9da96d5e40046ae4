// Looks at an uploaded bundle before it becomes a release.
#pragma once

#include <filesystem>
#include <optional>

#include "base/clock.hpp"
#include "crypto/trust.hpp"
#include "fleet/fleet.hpp"

namespace aloft::fleet {

// What a bundle file says about itself; id, times and sha256 are left for the caller. The container, the manifest and every frame are
// checked; with a trust store the signature too, else the release is marked unverified and names the signers that the signature claims.
// Errors: 2000-2099, 3000-3099, file errors.
Result<Release> inspect_bundle(const std::filesystem::path& file, const crypto::TrustStore* trust, WallTime now);

}  // namespace aloft::fleet
