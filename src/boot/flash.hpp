// A region of raw flash, or a UBI volume, that a boot loader reads too.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/flash.hpp"
#include "base/ubi.hpp"
#include "boot/region.hpp"

namespace aloft::boot {

// Opens the chip anew for each use: the device may come later, and a read needs no right to write.
using OpenFlash = std::function<Result<std::unique_ptr<Flash>>(MtdFlash::Use use)>;

// size_bytes from offset on, spread over the good blocks among as many blocks as block_count says. It is written as a whole: its blocks are
// erased, then written; a power cut in between leaves no valid content, nor what lies behind it in its last block and is written back.
class FlashRegion final : public Region {
 public:
  // offset: of a block. block_count: 0 for as few as are needed.
  FlashRegion(OpenFlash open, std::uint64_t offset, std::size_t size_bytes, std::uint64_t block_count)
      : open_(std::move(open)), offset_(offset), size_bytes_(size_bytes), block_count_(block_count) {}
  Result<std::string> read() override;
  Result<> write(std::uint64_t offset, std::string_view sectors) override;
  Result<> create(std::string_view content) override { return write(0, content); }
  Result<> check_writable() override;
  Result<> clear_byte(std::uint64_t offset) override;

 private:
  // Good ones, enough for the size.
  Result<std::vector<std::uint64_t>> blocks(Flash& flash) const;
  OpenFlash open_;
  std::uint64_t offset_;
  std::size_t size_bytes_;
  std::uint64_t block_count_;
};

// A UBI volume, /dev/ubi0_1 or /dev/ubi0:name (Linux include/uapi/mtd/ubi-user.h). It is written as a whole by an update of the volume: a
// power cut during it leaves a volume that cannot be read until it is written again.
class UbiRegion final : public Region {
 public:
  UbiRegion(std::filesystem::path volume, std::size_t size_bytes) : volume_(std::move(volume)), size_bytes_(size_bytes) {}
  Result<std::string> read() override;
  Result<> write(std::uint64_t offset, std::string_view sectors) override;
  Result<> create(std::string_view content) override { return write(0, content); }
  Result<> check_writable() override;

 private:
  Result<UbiPlace> place() const;
  std::filesystem::path volume_;
  std::size_t size_bytes_;
};

}  // namespace aloft::boot
