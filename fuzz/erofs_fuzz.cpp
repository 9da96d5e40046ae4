#include <cstdlib>

#include "delta/make/erofs.hpp"
#include "delta/make/erofs_clusters.hpp"

// A whole image, and its beginning as the map of a file, of either kind. Whatever it says, the blocks that come of it lie in it, in order,
// none over another.
extern "C" int erofs_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  const ByteView image = std::as_bytes(std::span(data, size));
  if (delta::is_erofs(image)) {
    const auto layout = delta::read_erofs(image);
    if (!layout && layout.error().code.number / 100 != 110) std::abort();
    std::uint64_t end = 0;
    for (std::size_t i = 0; layout && i < layout->blocks.size(); ++i) {
      const delta::Packed& block = layout->blocks[i];
      if (block.offset < end || block.packed_bytes == 0 || block.packed_bytes > delta::kMaxBlockBytes ||
          block.offset_end() > image.size() || block.content_limit_bytes > delta::kMaxBlockBytes)
        std::abort();
      end = block.offset_end();
    }
  }
  for (const bool compact : {false, true}) {
    const auto clusters = delta::read_clusters(image, 0, 20 * delta::kErofsBlockBytes + 100, compact);
    std::uint64_t end = 0;
    for (std::size_t i = 0; clusters && i < clusters->size(); ++i) {
      if ((*clusters)[i].begin < end || (*clusters)[i].end <= (*clusters)[i].begin) std::abort();
      end = (*clusters)[i].end;
    }
  }
  return 0;
}
