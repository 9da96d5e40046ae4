#include "boot/flash.hpp"

#include <fcntl.h>
#include <mtd/mtd-user.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "base/errors.hpp"
#include "boot/errors.hpp"

namespace aloft::boot {

Result<Flash::Geometry> MtdFlash::geometry() {
  const Fd fd = TRY(open_file(device_, O_RDONLY));
  mtd_info_user info{};
  if (::ioctl(fd.get(), MEMGETINFO, &info) != 0) return fail(system_error("asking the geometry of", device_, errno));
  const bool nand = info.type == MTD_NANDFLASH || info.type == MTD_MLCNANDFLASH;
  return Geometry{
      .size_bytes = info.size, .block_bytes = info.erasesize, .unit_bytes = std::max<std::uint64_t>(info.writesize, 1), .is_nand = nand};
}

Result<bool> MtdFlash::is_bad(std::uint64_t block_offset) {
  const Fd fd = TRY(open_file(device_, O_RDONLY));
  auto offset = static_cast<loff_t>(block_offset);
  const int bad = ::ioctl(fd.get(), MEMGETBADBLOCK, &offset);
  if (bad < 0 && errno == EOPNOTSUPP) return false;  // NOR
  if (bad < 0) return fail(system_error("asking for bad blocks of", device_, errno));
  return bad != 0;
}

Result<std::string> MtdFlash::read(std::uint64_t offset, std::size_t size) {
  const Fd fd = TRY(open_file(device_, O_RDONLY));
  std::string content(size, '\0');
  content.resize(TRY(read_full_at(fd.get(), std::as_writable_bytes(std::span(content)), offset)));
  return content;
}

Result<> MtdFlash::erase(std::uint64_t block_offset) {
  const Geometry geometry = TRY(this->geometry());
  const Fd fd = TRY(open_file(device_, O_RDWR));
  erase_info_user block{.start = static_cast<std::uint32_t>(block_offset), .length = static_cast<std::uint32_t>(geometry.block_bytes)};
  ::ioctl(fd.get(), MEMUNLOCK, &block);  // where the chip is not locked, or cannot be, this fails and nothing is amiss
  if (::ioctl(fd.get(), MEMERASE, &block) != 0) return fail(system_error("erasing a block of", device_, errno));
  return {};
}

Result<> MtdFlash::program(std::uint64_t offset, std::string_view bytes) {
  const Fd fd = TRY(open_file(device_, O_RDWR));
  TRY(write_all_at(fd.get(), as_bytes(bytes), offset));
  return {};
}

Result<> MtdFlash::check_writable() {
  TRY(open_file(device_, O_RDWR));
  return {};
}

Result<FlashRegion::Place> FlashRegion::place() {
  Place place{.geometry = TRY(flash_->geometry()), .blocks = {}};
  const std::uint64_t block = place.geometry.block_bytes;
  if (block == 0 || offset_ % block != 0)
    return fail(kBootSetting, "an environment on flash must begin at a block of " + std::to_string(block) + " bytes");
  const std::uint64_t needed = (size_bytes_ + block - 1) / block;
  const std::uint64_t end = std::min(place.geometry.size_bytes, offset_ + std::max(needed, block_count_) * block);
  for (std::uint64_t at = offset_; at + block <= end && place.blocks.size() < needed; at += block) {
    if (!TRY(flash_->is_bad(at))) place.blocks.push_back(at);
  }
  if (place.blocks.size() < needed)
    return fail(kBootStateWrite, "too few good blocks are left for the environment on flash; give it more in fw_env.config, and in U-Boot");
  return place;
}

Result<std::string> FlashRegion::read() {
  const Place place = TRY(this->place());
  std::string content;
  for (const std::uint64_t block : place.blocks)
    content += TRY(flash_->read(block, std::min<std::size_t>(place.geometry.block_bytes, size_bytes_ - content.size())));
  return content;
}

Result<> FlashRegion::write(std::uint64_t offset, std::string_view sectors) {
  if (offset != 0 || sectors.size() != size_bytes_) return fail(kBootStateWrite, "boot state on flash is written as a whole");
  const Place place = TRY(this->place());
  for (std::size_t i = 0; i < place.blocks.size(); ++i) {
    std::string part(sectors.substr(i * place.geometry.block_bytes, place.geometry.block_bytes));
    const std::uint64_t unit = place.geometry.unit_bytes;
    part.resize((part.size() + unit - 1) / unit * unit, '\xff');
    TRY(flash_->erase(place.blocks[i]));
    TRY(flash_->program(place.blocks[i], part));
  }
  return {};
}

Result<> FlashRegion::clear_byte(std::uint64_t offset) {
  const Place place = TRY(this->place());
  if (place.geometry.is_nand || offset >= place.geometry.block_bytes)
    return fail(kBootStateWrite, "a single byte can be cleared in the first block of NOR flash only");
  return flash_->program(place.blocks.front() + offset, std::string(1, '\0'));
}

}  // namespace aloft::boot
