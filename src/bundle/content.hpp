// Reads everything a bundle holds and checks it against the manifest.
#pragma once

#include <functional>

#include "bundle/reader.hpp"

namespace aloft::bundle {

// Content that has passed its frame's check, in rising order within each image.
using ContentSink = std::function<Result<>(std::size_t image, std::uint64_t offset, ByteView content)>;
// Bytes of content read so far, of all.
using ContentProgress = std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>;

// Every frame, every image's own digest, the section of blocks, and that the bundle ends where it should. Either function may be empty.
// Works on streams. Memory: one frame. Errors: the reader's and decoder's, kImageDigest, kBlocksDigest, kBadBlocks, the sink's own.
Result<> read_contents(Reader& reader, const ContentSink& sink, const ContentProgress& progress);

}  // namespace aloft::bundle
