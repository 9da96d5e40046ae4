#include <cstdlib>

#include "delta/make/squashfs.hpp"
#include "delta/make/squashfs_inodes.hpp"

// A whole image, and its beginning as an inode table. Whatever it says, the blocks that come of it lie in it, in order, none over another.
extern "C" int squashfs_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  const ByteView image = std::as_bytes(std::span(data, size));
  if (delta::is_squashfs(image)) {
    const auto layout = delta::read_squashfs(image);
    if (!layout && layout.error().code.number / 100 != 110) std::abort();
    std::uint64_t end = 0;
    for (std::size_t i = 0; layout && i < layout->blocks.size(); ++i) {
      const delta::Packed& block = layout->blocks[i];
      if (block.offset < end || block.packed_bytes == 0 || block.packed_bytes > delta::kMaxBlockBytes || block.offset_end() > image.size())
        std::abort();
      end = block.offset_end();
    }
  }
  (void)delta::read_inodes(image, 4096, [](std::uint64_t, std::uint32_t) {});
  return 0;
}
