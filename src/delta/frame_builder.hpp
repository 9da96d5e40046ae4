// Turns the records of a delta into frames.
#pragma once

#include "base/byte_source.hpp"
#include "delta/difference_model.hpp"
#include "delta/old_parts.hpp"
#include "delta/packed.hpp"
#include "delta/record.hpp"

namespace aloft::delta {

// Of one image. One per thread. Memory: at most two frames besides the one that is made, a decoder context, and the differences' model; for
// images with blocks that are taken apart also those of OldParts and of the coders, and a few blocks.
class FrameBuilder {
 public:
  explicit FrameBuilder(std::vector<BlockCoding> codings = {}, Processor processor = Processor::x86)
      : coders_(std::move(codings)), parts_(coders_), processor_(processor) {}
  FrameBuilder(const FrameBuilder&) = delete;
  FrameBuilder& operator=(const FrameBuilder&) = delete;

  // Makes the frame of content.size() bytes at frame_offset from the record and the old image. Nobody has vouched for the record: the
  // content is whatever it says, and has to be checked against a digest before anything is done with it. Never reads outside
  // [0, source_bytes) of the source nor writes outside content. A record with frames_back needs that the frames from there on have been
  // made just before, or `begin`. Errors: kBadRecord, kBadDelta, kWrongSource, the source's own.
  Result<> build(ByteView record, std::uint64_t frame_offset, ByteSource& source, std::uint64_t source_bytes, MutableByteView content);
  // Only what frame_bytes at frame_offset hand on to the frames behind them: for starting there. Errors: those of build.
  Result<> begin(ByteView record, std::uint64_t frame_offset, std::uint64_t frame_bytes, ByteSource& source, std::uint64_t source_bytes);
  // The rest of the block that goes on behind the last frame that was made; and where that is.
  ByteView carry() const { return ByteView(carry_).subspan(carry_used_); }
  std::uint64_t carry_offset() const { return carry_offset_; }
  // As if frames before had left this.
  void set_carry(std::uint64_t offset, ByteView bytes);

 private:
  friend class RecordRun;
  Result<> run(ByteView record, std::uint64_t frame_offset, ByteSource& source, std::uint64_t source_bytes, MutableByteView content,
               bool only_carry);
  Coders coders_;
  OldParts parts_;
  const Processor processor_;
  Unpacker unpacker_;
  Bytes body_;
  Bytes block_;                                     // content of the block that is being made; of a piece with its history
  Bytes history_;                                   // that the next piece may go on from
  Bytes packed_;                                    // and what it is packed to
  std::unique_ptr<DifferenceDecoder> differences_;  // from the first record on that needs it
  Bytes carry_;
  std::size_t carry_used_ = 0;
  std::uint64_t carry_offset_ = 0;
};

}  // namespace aloft::delta
