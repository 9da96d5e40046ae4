#include "storage/flash_content.hpp"

#include <algorithm>

#include "storage/errors.hpp"

namespace aloft::storage {

Result<FlashContent> FlashContent::open(Flash& flash) {
  FlashContent content(flash);
  const Flash::Geometry& geometry = flash.geometry();
  for (std::uint64_t block = 0; block + geometry.block_bytes <= geometry.size_bytes; block += geometry.block_bytes) {
    if (TRY(flash.is_bad(block)))
      ++content.bad_blocks_;
    else
      content.blocks_.push_back(block);
  }
  return content;
}

Result<> FlashContent::read(std::uint64_t offset, MutableByteView buffer) const {
  if (offset > size_bytes() || buffer.size() > size_bytes() - offset)
    return fail(kOutsideDevice, "an access of " + std::to_string(buffer.size()) + " bytes at " + std::to_string(offset) +
                                    " is past the last good block of the flash");
  const std::uint64_t block_bytes = flash_->geometry().block_bytes;
  while (!buffer.empty()) {
    const std::uint64_t within = offset % block_bytes;
    const std::uint64_t block = blocks_[static_cast<std::size_t>(offset / block_bytes)];
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(block_bytes - within, buffer.size()));
    if (TRY(flash_->read(block + within, buffer.first(count))) == Flash::Ecc::uncorrectable)
      return fail(kFlashEcc, "the flash's ECC cannot mend what was read at " + std::to_string(block + within) +
                                 "; the chip may be wearing out, or its ECC be set differently than the driver's");
    offset += count;
    buffer = buffer.subspan(count);
  }
  return {};
}

}  // namespace aloft::storage
