// Hands one image of a bundle to a stream target, frame by frame, each checked before it is handed on.
#pragma once

#include "bundle/reader.hpp"
#include "storage/installer.hpp"
#include "storage/target.hpp"

namespace aloft::storage {

// Fetches and decodes on the caller's thread; a target that works on a thread of its own overlaps with it. options.likely_frames, workers
// and settle_bytes have no meaning here; options.settled is called once, after finish(). On an error the target was aborted.
// Memory: two frames. Errors: the reader's, the target's, kCancelled.
Result<InstallStats> stream_image(bundle::Reader& reader, std::size_t image, StreamTarget& target, const InstallOptions& options);

// Either kind, and what the target still has to do in the end.
Result<InstallStats> install_to(bundle::Reader& reader, std::size_t image, Target& target, const InstallOptions& options);

}  // namespace aloft::storage
