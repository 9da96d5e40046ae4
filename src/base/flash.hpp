// Raw flash as the kernel's MTD layer shows it (Linux include/uapi/mtd/mtd-abi.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/file.hpp"

namespace aloft {

// One chip, or a partition of it: the seam for a simulated one. Offsets and sizes in bytes; a block is named by its offset. What a call
// did is durable once it returned; a power cut in it leaves the block half erased, or a page torn. One thread.
class Flash {
 public:
  struct Geometry {
    std::uint64_t size_bytes = 0;
    std::uint64_t block_bytes = 0;  // what is erased as one
    std::uint64_t page_bytes = 0;   // what is written as one: 1 for most NOR
    bool is_nand = false;           // has bad blocks and ECC, and a page is written once between two erasures
  };
  static constexpr std::byte kErased{0xff};  // what erased bytes read as
  enum class Ecc : std::uint8_t { clean, corrected, uncorrectable };
  // worn: the chip itself said that it failed. On NAND the block is to be given up.
  enum class Done : std::uint8_t { well, worn };

  virtual ~Flash() = default;
  virtual const Geometry& geometry() const = 0;
  // Always false where there is no such thing as a bad block.
  virtual Result<bool> is_bad(std::uint64_t block) = 0;
  // For good: nothing uses the block any more, on any system.
  virtual Result<> mark_bad(std::uint64_t block) = 0;
  // The whole buffer is filled, also with what ECC could not mend.
  virtual Result<Ecc> read(std::uint64_t offset, MutableByteView buffer) = 0;
  virtual Result<Done> erase(std::uint64_t block) = 0;
  // Whole pages, erased before, within one block.
  virtual Result<Done> program(std::uint64_t offset, ByteView bytes) = 0;
};

// /dev/mtdN. ECC is read off the kernel's counters, which others who read the same partition at the same time move too: then a read may be
// called corrected or uncorrectable that was not, never the other way round.
class MtdFlash final : public Flash {
 public:
  enum class Use : std::uint8_t { look, write };
  // Errors: file errors; kBadArgument for what is no MTD device.
  static Result<std::unique_ptr<MtdFlash>> open(const std::filesystem::path& device, Use use);
  const Geometry& geometry() const override { return geometry_; }
  Result<bool> is_bad(std::uint64_t block) override;
  Result<> mark_bad(std::uint64_t block) override;
  Result<Ecc> read(std::uint64_t offset, MutableByteView buffer) override;
  Result<Done> erase(std::uint64_t block) override;
  Result<Done> program(std::uint64_t offset, ByteView bytes) override;

 private:
  MtdFlash(std::filesystem::path device, Fd fd, const Geometry& geometry)
      : device_(std::move(device)), fd_(std::move(fd)), geometry_(geometry) {}
  const std::filesystem::path device_;
  const Fd fd_;
  const Geometry geometry_;
};

}  // namespace aloft
