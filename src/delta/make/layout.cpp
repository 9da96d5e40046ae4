#include "delta/make/layout.hpp"

#include <algorithm>

#include "delta/make/erofs.hpp"
#include "delta/make/squashfs.hpp"
#include "delta/make/streams.hpp"

namespace aloft::delta {

Layout take_apart(ByteView image, std::string& why_not) {
  const bool squashfs = is_squashfs(image);
  if (squashfs || is_erofs(image)) {
    auto layout = squashfs ? read_squashfs(image) : read_erofs(image);
    if (!layout) why_not = layout.error().message;
    if (!layout || squashfs || !layout->blocks.empty()) return layout ? *std::move(layout) : Layout();
  }
  Layout plain;
  plain.streams = find_streams(image);
  return plain;
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
