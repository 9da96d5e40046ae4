// The TOML file that describes a bundle to make.
#pragma once

#include <filesystem>

#include "bundle/writer.hpp"

namespace aloft::cli {

// Image files are relative to the description's folder. Unknown keys are refused. Members that are not there stay empty.
// Errors: kBadDescription, file errors.
Result<bundle::Recipe> load_description(const std::filesystem::path& file);

}  // namespace aloft::cli
