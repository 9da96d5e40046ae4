#include "delta/make/layout.hpp"

#include <algorithm>

#include "delta/make/squashfs.hpp"
#include "delta/make/streams.hpp"

namespace aloft::delta {

Layout take_apart(ByteView image, std::string& why_not) {
  if (!is_squashfs(image)) {
    Layout plain;
    plain.streams = find_streams(image);
    return plain;
  }
  auto layout = read_squashfs(image);
  if (layout) return *std::move(layout);
  why_not = layout.error().message;
  return {};
}

void put_in_order(std::vector<Packed>& blocks, std::uint64_t image_bytes) {
  std::ranges::stable_sort(blocks, {}, &Packed::offset);
  std::uint64_t end = 0;
  std::erase_if(blocks, [&](const Packed& block) {
    const bool fits = block.packed_bytes > 0 && block.packed_bytes <= kMaxBlockBytes && block.offset >= end &&
                      block.offset <= image_bytes && block.packed_bytes <= image_bytes - block.offset;
    if (fits) end = block.offset_end();
    return !fits;
  });
}

}  // namespace aloft::delta
