// Turns covers into the record of one frame, and proves it.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "delta/make/cover.hpp"
#include "delta/packed.hpp"
#include "delta/record.hpp"

namespace aloft::delta {

// One per thread. Memory: a few frames and a compressor.
class FrameMaker {
 public:
  FrameMaker(ByteView source, ByteView target, const Covers& covers);
  // The record of the frame of size_bytes at `offset`. Errors: kNotProven when FrameBuilder makes anything else of it.
  Result<> make(std::uint64_t offset, std::uint64_t size_bytes, Bytes& record);

 private:
  void add_cover(std::uint64_t target, std::uint64_t source, std::uint64_t end);
  void add_fresh(std::uint64_t target, std::uint64_t end);
  void put(OpKind kind, std::uint64_t target, std::uint64_t end, std::uint64_t source);
  Result<> choose(std::uint64_t offset, Bytes& record);
  Result<> prove(std::uint64_t offset, ByteView record);

  ByteView source_;
  ByteView target_;
  const Covers& covers_;
  Packer packer_;
  FrameBuilder builder_;
  std::vector<Op> ops_;
  Bytes differences_;
  Bytes fresh_;
  Bytes packed_;
  Bytes proof_;
};

}  // namespace aloft::delta
