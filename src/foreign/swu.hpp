// SWUpdate's .swu file.
#pragma once

#include <filesystem>

#include "foreign/contents.hpp"

namespace aloft::foreign {

// Does the file begin like one.
bool looks_like_swu(std::string_view beginning);
// Reads its description and checks that every image with a digest is there and has it. An encrypted description is no error: contents.note
// says so, and nothing is known of it. Errors: kBadArchive, kBadDescription, kImageMissing, kImageDigest, file errors.
Result<Contents> read_swu(const std::filesystem::path& file);

}  // namespace aloft::foreign
