// Encodes the frames of one image on several threads and hands them on in order.
#pragma once

#include <functional>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "bundle/frame_encoder.hpp"

namespace aloft::bundle {

struct FrameWork {
  std::uint64_t frame_count = 0;
  Encoding encoding = Encoding::zstd;
  std::uint32_t frame_size_bytes = kDefaultFrameBytes;
  BlockNames blocks = BlockNames::omit;
  int level = 9;
  unsigned threads = 1;
};

// Both are called by the caller's thread only, frame by frame in rising order.
using ReadFrame = std::function<Result<>(std::uint64_t frame, Bytes& content)>;
using TakeFrame = std::function<Result<>(std::uint64_t frame, const PackedFrame& packed)>;

// Memory: two frames of content and two of stored bytes per thread. Ends at the first error, which it returns.
Result<> encode_frames(const FrameWork& work, const ReadFrame& read, const TakeFrame& take);

}  // namespace aloft::bundle
