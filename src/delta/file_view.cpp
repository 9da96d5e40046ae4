#include "delta/file_view.hpp"

#include <algorithm>

#include "delta/errors.hpp"

namespace aloft::delta {

FileView FileView::of_archive(const FileMap& map, std::uint64_t image_bytes, ByteSource& archive) {
  return {map, image_bytes, [&archive](const FileRun& run, std::uint64_t at, MutableByteView out) -> Result<> {
            if (TRY(archive.read_at(run.offset + at, out)) == out.size()) return {};
            return fail(kWrongSource, "the old archive ends before the files that it should have; it is not what the delta is for");
          }};
}

Result<std::size_t> FileView::read_at(std::uint64_t offset, MutableByteView buffer) {
  if (offset >= image_bytes_) return std::size_t{0};
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), image_bytes_ - offset));
  MutableByteView rest = buffer.first(size);
  while (!rest.empty()) {
    const auto run = map_.at_or_behind(offset);
    const std::uint64_t begin = run ? std::max(run->offset, offset) : image_bytes_;
    const auto between = static_cast<std::size_t>(std::min<std::uint64_t>(begin - offset, rest.size()));
    std::ranges::fill(rest.first(between), std::byte{0});
    rest = rest.subspan(between);
    offset += between;
    if (!run || rest.empty()) continue;
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(run->offset_end() - offset, rest.size()));
    TRY(read_(*run, offset - run->offset, rest.first(part)));
    rest = rest.subspan(part);
    offset += part;
  }
  return size;
}

}  // namespace aloft::delta
