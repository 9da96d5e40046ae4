// Turns content into stored frames, the counterpart of FrameDecoder.
#pragma once

#include <memory>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "bundle/manifest.hpp"

namespace aloft::bundle {

// Whether frames are packed block by block and blocks are named.
enum class BlockNames : std::uint8_t { omit, include };

struct PackedFrame {
  Digest content_sha256{};
  Digest stored_sha256{};
  Bytes stored;
  Bytes block_entries;  // with names: the frame's part of the section of blocks
};

// One per thread. The same content, level and zstd version give the same bytes. A frame of zeros after another costs nearly nothing.
class FrameEncoder {
 public:
  FrameEncoder(Encoding encoding, int level, std::uint32_t frame_size_bytes, BlockNames blocks);  // level: 1 to 19
  FrameEncoder(const Image& image, int level);                                                    // as the image's frames are stored
  FrameEncoder(FrameEncoder&&) noexcept;
  ~FrameEncoder();
  // Content of at most a frame. Errors: kCompression.
  Result<> encode(ByteView content, PackedFrame& packed);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace aloft::bundle
