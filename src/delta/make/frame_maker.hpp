// Turns covers into the record of one frame, and proves it.
#pragma once

#include "base/result.hpp"
#include "delta/frame_builder.hpp"
#include "delta/make/frame_ops.hpp"

namespace aloft::delta {

struct MadeRecord {
  Bytes record;
  bool hands_on = false;  // a block that begins in this frame, or before it, goes on in the next
};

// One per thread. Memory: a few frames, a compressor, and what FrameBuilder needs.
class FrameMaker {
 public:
  FrameMaker(const PairView& pair, std::uint64_t frame_bytes);
  // The record of the frame of size_bytes at `offset`. Errors: kNotProven when FrameBuilder makes anything else of it.
  Result<> make(std::uint64_t offset, std::uint64_t size_bytes, FrameOps::Start start, MadeRecord& made);

 private:
  bool fits(std::uint64_t size_bytes) const;
  Result<> choose(std::uint64_t offset, Bytes& record);
  Bytes modelled();
  void offer(Coding coding, ByteView modelled, ByteView rest, Bytes& record) const;
  Result<> offer_zstd(ByteView modelled, ByteView body, Bytes& record);
  Result<> offer_lzma(ByteView modelled, ByteView body, Bytes& record);
  Result<bool> prove(std::uint64_t offset, ByteView record);

  const PairView& pair_;
  FrameOps ops_;
  Packer packer_;
  DifferenceEncoder differences_;
  FrameBuilder builder_;
  Bytes packed_;
  Bytes proof_;
};

}  // namespace aloft::delta
