// Raw flash as the kernel's MTD layer shows it, and a region of it that a boot loader reads too.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"
#include "boot/region.hpp"

namespace aloft::boot {

// The seam under the region: the kernel's device, or a fake that forgets nothing but cannot set bits. All offsets and sizes in bytes;
// erase() takes a whole block, program() whole write units. Durable once returned. Errors: those of base/file.hpp.
class Flash {
 public:
  struct Geometry {
    std::uint64_t size_bytes;
    std::uint64_t block_bytes;  // what is erased as one
    std::uint64_t unit_bytes;   // what is written as one: 1 for NOR, a page for NAND
    bool is_nand;               // has bad blocks, and a written page is not written again
  };
  virtual ~Flash() = default;
  virtual Result<Geometry> geometry() = 0;
  virtual Result<bool> is_bad(std::uint64_t block_offset) = 0;
  virtual Result<std::string> read(std::uint64_t offset, std::size_t size) = 0;
  virtual Result<> erase(std::uint64_t block_offset) = 0;
  virtual Result<> program(std::uint64_t offset, std::string_view bytes) = 0;
  virtual Result<> check_writable() = 0;
};

// /dev/mtdN (Linux include/uapi/mtd/mtd-abi.h).
class MtdFlash final : public Flash {
 public:
  explicit MtdFlash(std::filesystem::path device) : device_(std::move(device)) {}
  Result<Geometry> geometry() override;
  Result<bool> is_bad(std::uint64_t block_offset) override;
  Result<std::string> read(std::uint64_t offset, std::size_t size) override;
  Result<> erase(std::uint64_t block_offset) override;
  Result<> program(std::uint64_t offset, std::string_view bytes) override;
  Result<> check_writable() override;

 private:
  std::filesystem::path device_;
};

// size_bytes from offset on, spread over the good blocks among as many blocks as block_count says. It is written as a whole: its blocks are
// erased, then written; a power cut in between leaves no valid content.
class FlashRegion final : public Region {
 public:
  // offset: of a block. block_count: 0 for as few as are needed.
  FlashRegion(std::unique_ptr<Flash> flash, std::uint64_t offset, std::size_t size_bytes, std::uint64_t block_count)
      : flash_(std::move(flash)), offset_(offset), size_bytes_(size_bytes), block_count_(block_count) {}
  Result<std::string> read() override;
  Result<> write(std::uint64_t offset, std::string_view sectors) override;
  Result<> create(std::string_view content) override { return write(0, content); }
  Result<> check_writable() override { return flash_->check_writable(); }
  Result<> clear_byte(std::uint64_t offset) override;

 private:
  struct Place {
    Flash::Geometry geometry;
    std::vector<std::uint64_t> blocks;  // good ones, enough for the size
  };
  Result<Place> place();
  std::unique_ptr<Flash> flash_;
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
  Result<std::filesystem::path> device() const;
  std::filesystem::path volume_;
  std::size_t size_bytes_;
};

}  // namespace aloft::boot
