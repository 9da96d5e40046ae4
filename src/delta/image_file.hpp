// A bare image, made as a file.
#pragma once

#include <filesystem>
#include <functional>

#include "base/byte_source.hpp"
#include "delta/patch.hpp"

namespace aloft::delta {

// Called with the bytes of the new image that are made, and with how many there will be.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// The delta's first image, made from `old` and written to `output`, which gets its name only when the whole is what the delta promises.
// `old_name` is for the error. Memory: ImageFrames' and a frame. Errors: kWrongResult, those of ImageFrames, file errors.
Result<> apply_to_file(ByteSource& old, const std::string& old_name, Patch& patch, const std::filesystem::path& output,
                       const Progress& progress);

}  // namespace aloft::delta
