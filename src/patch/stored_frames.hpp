// Makes a bundle's stored frames from their content again, as its maker did.
#pragma once

#include <optional>

#include "bundle/frame_encoder.hpp"
#include "bundle/reader.hpp"

namespace aloft::patch {

// As ImagePlan::encoder has it: the version of zstd that is in this program, 10504 for 1.5.4.
std::uint64_t encoder_version();

// The level at which this program's zstd makes the stored frames of an image: tried on a few of them, spread over the image. None: no
// level does, or the image is stored as it is. Errors: the reader's and decoder's.
Result<std::optional<int>> find_level(bundle::Reader& reader, std::size_t image);

}  // namespace aloft::patch
