// The frames of an image, made from a delta in any order.
#pragma once

#include <functional>

#include "delta/file_view.hpp"
#include "delta/frame_builder.hpp"
#include "delta/patch.hpp"

namespace aloft::delta {

// A frame's record into `record` (resized).
using FetchRecord = std::function<Result<>(std::uint64_t frame, Bytes& record)>;

// One per thread. Rising frames cost least: a frame that begins within a block needs the record of an earlier one, which is fetched again
// when that frame was not the one made before. Memory: FrameBuilder's and two records.
class ImageFrames {
 public:
  // The plan must outlive this; its sizes of records are not used.
  ImageFrames(const ImagePlan& plan, FetchRecord fetch) : fetch_(std::move(fetch)), plan_(plan), builder_(plan_.codings, plan_.processor) {}
  // The patch must outlive this.
  ImageFrames(Patch& patch, std::size_t image)
      : ImageFrames(patch.images()[image],
                    [&patch, image](std::uint64_t frame, Bytes& record) { return patch.fetch_record(image, frame, record); }) {}
  // `old` must be the same each time; of a tree, the archive that it was made from. content.size() must be the frame's. What is made has to
  // be checked, as FrameBuilder says. Errors: those of FetchRecord and FrameBuilder.
  Result<> make(std::uint64_t frame, ByteSource& old, MutableByteView content);
  ByteView record() const { return record_; }  // of the last frame

 private:
  Result<> fetch(std::uint64_t frame, Bytes& record);
  Result<> go_back(std::uint64_t frame, std::uint64_t back, ByteSource& old);
  const FetchRecord fetch_;
  const ImagePlan& plan_;
  std::optional<FileView> files_;  // of a tree
  FrameBuilder builder_;
  Bytes record_;
};

}  // namespace aloft::delta
