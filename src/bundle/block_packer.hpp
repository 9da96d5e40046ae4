// Packs a frame block by block, so that each can be unpacked by whoever has the content before it.
#pragma once

#include <memory>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace aloft::bundle {

// A frame is parsed once, as one, and each block's part of that is coded by itself: hardly dearer than packing the frame. One per thread.
// The same content, level and zstd version give the same bytes.
class BlockPacker {
 public:
  BlockPacker(int level, std::uint32_t frame_size_bytes);  // level: 1 to 19
  BlockPacker(BlockPacker&&) noexcept;
  ~BlockPacker();
  // Behind `stored` come the blocks of a frame, each a zstd frame with all of `content` before it as prefix. Every one has been unpacked
  // and compared. Errors: kCompression.
  Result<> pack(ByteView content, Bytes& stored);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace aloft::bundle
