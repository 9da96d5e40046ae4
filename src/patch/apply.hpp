// Makes the new image or bundle from the old one and a delta.
#pragma once

#include <filesystem>
#include <functional>

#include "delta/patch.hpp"

namespace aloft::patch {

using Progress = std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>;

// Gives what make_delta had as its new file, bit for bit: the output is replaced as a whole and durably, or not touched. For bundles each
// frame is checked against the new manifest as it is made, whose signature nobody has checked: that is for whoever uses the bundle. Memory:
// about three frames of the new image; of an old bundle eight more. Errors: 11000-11099, the old bundle's, file errors.
Result<> apply_delta(const std::filesystem::path& old_file, delta::Patch& patch, const std::filesystem::path& output,
                     const Progress& progress);

}  // namespace aloft::patch
