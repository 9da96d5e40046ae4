// Looks at an uploaded file of another project before it becomes a release.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "fleet/fleet.hpp"

namespace aloft::fleet {

// By the file's own bytes; what is nothing else is taken for an Aloft bundle, whose reader then says what is wrong.
Result<ReleaseFormat> format_of(const std::filesystem::path& file);

// What the person who uploads it says, where the file does not say it itself or says it in other words.
struct ForeignWords {
  std::string product;
  std::vector<std::string> hardware;
  std::string version;
};
// As inspect_bundle, for .swu and .raucb. Signatures are left to the devices. Errors: 3400-3449, file errors.
Result<Release> inspect_foreign(const std::filesystem::path& file, ReleaseFormat format, const ForeignWords& words);

}  // namespace aloft::fleet
