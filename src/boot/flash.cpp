#include "boot/flash.hpp"

#include <algorithm>

#include "base/errors.hpp"
#include "boot/errors.hpp"

namespace aloft::boot {
namespace {

Result<> well(Flash::Done done) {
  if (done == Flash::Done::well) return {};
  return fail(kBootStateWrite, "a block of the environment's flash can no longer be written; the chip may be worn out");
}

}  // namespace

Result<std::vector<std::uint64_t>> FlashRegion::blocks(Flash& flash) const {
  const Flash::Geometry& geometry = flash.geometry();
  const std::uint64_t block = geometry.block_bytes;
  if (block == 0 || offset_ % block != 0)
    return fail(kBootSetting, "an environment on flash must begin at a block of " + std::to_string(block) + " bytes");
  const std::uint64_t needed = (size_bytes_ + block - 1) / block;
  const std::uint64_t end = std::min(geometry.size_bytes, offset_ + std::max(needed, block_count_) * block);
  std::vector<std::uint64_t> found;
  for (std::uint64_t at = offset_; at + block <= end && found.size() < needed; at += block) {
    if (!TRY(flash.is_bad(at))) found.push_back(at);
  }
  if (found.size() < needed)
    return fail(kBootStateWrite, "too few good blocks are left for the environment on flash; give it more in fw_env.config, and in U-Boot");
  return found;
}

// What ECC cannot mend, the environment's own checksum finds.
Result<std::string> FlashRegion::read() {
  const std::unique_ptr<Flash> flash = TRY(open_(MtdFlash::Use::look));
  std::string content(size_bytes_, '\0');
  MutableByteView rest = std::as_writable_bytes(std::span(content));
  for (const std::uint64_t block : TRY(blocks(*flash))) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(flash->geometry().block_bytes, rest.size()));
    TRY(flash->read(block, rest.first(count)));
    rest = rest.subspan(count);
  }
  return content;
}

Result<> FlashRegion::write(std::uint64_t offset, std::string_view sectors) {
  if (offset != 0 || sectors.size() != size_bytes_) return fail(kBootStateWrite, "boot state on flash is written as a whole");
  const std::unique_ptr<Flash> flash = TRY(open_(MtdFlash::Use::write));
  const Flash::Geometry& geometry = flash->geometry();
  const auto places = TRY(blocks(*flash));
  for (std::size_t i = 0; i < places.size(); ++i) {
    const std::string_view ours = sectors.substr(i * geometry.block_bytes, geometry.block_bytes);
    std::string part(geometry.block_bytes, '\xff');
    // As U-Boot (env/sf.c) and fw_setenv do: boards keep other things behind an environment that is smaller than a block.
    if (ours.size() < part.size()) TRY(flash->read(places[i], std::as_writable_bytes(std::span(part))));
    part.replace(0, ours.size(), ours);
    const std::size_t used = std::max(ours.size(), part.find_last_not_of('\xff') + 1);
    part.resize((used + geometry.page_bytes - 1) / geometry.page_bytes * geometry.page_bytes);
    TRY(well(TRY(flash->erase(places[i]))));
    TRY(well(TRY(flash->program(places[i], as_bytes(part)))));
  }
  return {};
}

Result<> FlashRegion::check_writable() {
  TRY(open_(MtdFlash::Use::write));
  return {};
}

Result<> FlashRegion::clear_byte(std::uint64_t offset) {
  const std::unique_ptr<Flash> flash = TRY(open_(MtdFlash::Use::write));
  if (flash->geometry().is_nand || offset >= flash->geometry().block_bytes)
    return fail(kBootStateWrite, "a single byte can be cleared in the first block of NOR flash only");
  return well(TRY(flash->program(TRY(blocks(*flash)).front() + offset, Bytes(1))));
}

}  // namespace aloft::boot
