// What lies on raw flash from its first block on, bad blocks passed over: how boot loaders read it, too.
#pragma once

#include <vector>

#include "base/flash.hpp"
#include "base/result.hpp"

namespace aloft::storage {

class FlashContent {
 public:
  // Looks for the bad blocks now. `flash` must outlive it.
  static Result<FlashContent> open(Flash& flash);
  // Of all good blocks together.
  std::uint64_t size_bytes() const { return blocks_.size() * flash_->geometry().block_bytes; }
  std::uint64_t bad_blocks() const { return bad_blocks_; }
  // kFlashEcc where ECC could not mend it; corrected bits are no error. kOutsideDevice.
  Result<> read(std::uint64_t offset, MutableByteView buffer) const;

 private:
  explicit FlashContent(Flash& flash) : flash_(&flash) {}
  Flash* flash_;
  std::vector<std::uint64_t> blocks_;
  std::uint64_t bad_blocks_ = 0;
};

}  // namespace aloft::storage
