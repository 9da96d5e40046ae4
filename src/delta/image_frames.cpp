#include "delta/image_frames.hpp"

#include <algorithm>

#include "delta/errors.hpp"

namespace aloft::delta {

Result<> ImageFrames::fetch(std::uint64_t frame, Bytes& record) {
  TRY(fetch_(frame, record));
  if (record.empty()) return fail(kBadRecord, "a record of the delta is empty");
  if (is_modelled(record.front()) && !plan_.modelled)
    return fail(kBadRecord, "a record of the delta has modelled differences, which a delta of version 1 cannot have");
  return {};
}

// Leaves in builder_ what the frame `back` before hands on to `frame`.
Result<> ImageFrames::go_back(std::uint64_t frame, std::uint64_t back, ByteSource& old) {
  if (back > frame) return fail(kBadRecord, "a record of the delta goes on with a block before the image's beginning");
  const std::uint64_t first = frame - back;
  Bytes record;
  TRY(fetch(first, record));
  TRY(builder_.begin(record, first * plan_.frame_bytes(), plan_.content_bytes(first), old, plan_.source_bytes));
  const std::uint64_t between = (back - 1) * plan_.frame_bytes();
  const Bytes rest(builder_.carry().begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(between, builder_.carry().size())),
                   builder_.carry().end());
  builder_.set_carry(frame * plan_.frame_bytes(), rest);
  return {};
}

Result<> ImageFrames::make(std::uint64_t frame, ByteSource& archive, MutableByteView content) {
  if (plan_.is_of_tree() && !files_) files_.emplace(FileView::of_archive(plan_.files, plan_.source_bytes, archive));
  ByteSource& old = files_ ? *files_ : archive;
  TRY(fetch(frame, record_));
  const std::uint64_t offset = frame * plan_.frame_bytes();
  const std::uint64_t back = frames_back(record_.front());
  if (back > 0 && (builder_.carry().empty() || builder_.carry_offset() != offset)) TRY(go_back(frame, back, old));
  return builder_.build(record_, offset, old, plan_.source_bytes, content);
}

}  // namespace aloft::delta
