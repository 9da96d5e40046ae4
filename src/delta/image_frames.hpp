// The frames of an image, made from a delta in any order.
#pragma once

#include "delta/frame_builder.hpp"
#include "delta/patch.hpp"

namespace aloft::delta {

// One per thread. Rising frames cost least: a frame that begins within a block needs the record of an earlier one, which is fetched again
// when that frame was not the one made before. Memory: FrameBuilder's and two records.
class ImageFrames {
 public:
  // The patch must outlive this.
  ImageFrames(Patch& patch, std::size_t image) : patch_(patch), index_(image), plan_(patch.images()[image]), builder_(plan_.codings) {}
  // content.size() must be the frame's. What is made has to be checked, as FrameBuilder says. Errors: those of Patch::fetch_record and
  // FrameBuilder.
  Result<> make(std::uint64_t frame, ByteSource& old, MutableByteView content);
  std::uint64_t record_bytes() const { return record_bytes_; }  // fetched so far
  ByteView record() const { return record_; }                   // of the last frame

 private:
  Result<> fetch(std::uint64_t frame, Bytes& record);
  Result<> go_back(std::uint64_t frame, std::uint64_t back, ByteSource& old);
  Patch& patch_;
  const std::size_t index_;
  const ImagePlan& plan_;
  FrameBuilder builder_;
  Bytes record_;
  std::uint64_t record_bytes_ = 0;
};

}  // namespace aloft::delta
