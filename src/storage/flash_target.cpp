#include "storage/flash_target.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "storage/errors.hpp"

namespace aloft::storage {
namespace {

// Makers promise that no more than 2 in 100 blocks fail in a chip's whole life; one update may meet 3 in 100, and 2 at the least.
constexpr std::uint64_t kRetiredOf = 32;
constexpr std::uint64_t kRetiredAtLeast = 2;
constexpr std::uint64_t kNorRun = 4096;  // NOR takes single bytes; so much is looked at as one

bool is_erased(ByteView page) {
  return std::ranges::all_of(page, [](std::byte one) { return one == Flash::kErased; });
}

}  // namespace

Result<> FlashTarget::begin(const bundle::Image& image) {
  expected_ = image.sha256;
  size_bytes_ = image.size_bytes;
  next_ = 0;
  content_.clear();
  const FlashContent before = TRY(FlashContent::open(*flash_));
  if (before.size_bytes() >= size_bytes_) return {};
  return fail(kFlashFull, name_ + " has " + std::to_string(before.size_bytes()) + " bytes in good blocks (" +
                              std::to_string(before.bad_blocks()) + " are bad), and the image " + std::to_string(size_bytes_));
}

Result<> FlashTarget::append(ByteView content) {
  const auto block_bytes = static_cast<std::size_t>(flash_->geometry().block_bytes);
  while (!content.empty()) {
    const std::size_t count = std::min(block_bytes - content_.size(), content.size());
    content_.insert(content_.end(), content.begin(), content.begin() + static_cast<std::ptrdiff_t>(count));
    content = content.subspan(count);
    if (content_.size() == block_bytes) TRY(write_block());
  }
  return {};
}

// False at the flash's end.
Result<bool> FlashTarget::next_block() {
  const Flash::Geometry& geometry = flash_->geometry();
  for (; next_ + geometry.block_bytes <= geometry.size_bytes; next_ += geometry.block_bytes) {
    if (TRY(flash_->is_bad(next_))) continue;
    block_ = next_;
    next_ += geometry.block_bytes;
    return true;
  }
  return false;
}

Result<> FlashTarget::write_block() {
  while (TRY(next_block())) {
    if (TRY(fill(block_)) == Flash::Done::well) {
      content_.clear();
      return {};
    }
    TRY(retire(block_));
  }
  return fail(kFlashFull, "the good blocks of " + name_ + " ran out in the middle of the image, " + std::to_string(retired_) +
                              " went bad just now; the slot needs a larger partition, or the device a new chip");
}

// A run of pages that hold something at a time.
Result<Flash::Done> FlashTarget::fill(std::uint64_t block) {
  if (TRY(flash_->erase(block)) == Flash::Done::worn) return Flash::Done::worn;
  const Flash::Geometry& geometry = flash_->geometry();
  const auto page = static_cast<std::size_t>(geometry.is_nand ? geometry.page_bytes
                                                              : std::max(geometry.page_bytes, std::min(kNorRun, geometry.block_bytes)));
  Bytes content = content_;
  content.resize((content.size() + page - 1) / page * page, Flash::kErased);
  std::size_t start = 0;
  for (std::size_t at = 0; at <= content.size(); at += page) {
    if (at < content.size() && !is_erased(ByteView(content).subspan(at, page))) continue;
    if (at > start && TRY(flash_->program(block + start, ByteView(content).subspan(start, at - start))) == Flash::Done::worn)
      return Flash::Done::worn;
    start = at + page;
  }
  return Flash::Done::well;
}

Result<> FlashTarget::retire(std::uint64_t block) {
  const Flash::Geometry& geometry = flash_->geometry();
  if (!geometry.is_nand)
    return fail(kFlashFailing,
                "block " + std::to_string(block) + " of " + name_ + " can no longer be written; the chip has to be replaced");
  const std::uint64_t most = std::max(kRetiredAtLeast, geometry.size_bytes / geometry.block_bytes / kRetiredOf);
  if (++retired_ > most)
    return fail(kFlashFailing, name_ + ": " + std::to_string(retired_) +
                                   " blocks failed in one update; the chip or its controller fails, and no more blocks are marked bad");
  log::warning("slot: block " + std::to_string(block) + " of " + name_ + " went bad; it is marked, and the next one is used");
  return flash_->mark_bad(block);
}

Result<> FlashTarget::erase_rest() {
  while (TRY(next_block())) {
    if (TRY(flash_->erase(block_)) == Flash::Done::worn) TRY(retire(block_));
  }
  return {};
}

Result<> FlashTarget::finish() {
  if (!content_.empty()) TRY(write_block());
  TRY(erase_rest());
  return read_back();
}

Result<> FlashTarget::read_back() {
  const FlashContent& after = written_.emplace(TRY(FlashContent::open(*flash_)));
  crypto::Sha256 hash;
  Bytes buffer(kReadBytes);
  for (std::uint64_t at = 0; at < size_bytes_;) {
    const auto part = MutableByteView(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size_bytes_ - at)));
    TRY(after.read(at, part));
    hash.update(part);
    at += part.size();
  }
  if (hash.finish() == expected_) return {};
  return fail(kReadBack, name_ + " reads back differently than it was written; the flash may be failing");
}

bundle::ReadContent FlashTarget::written() {
  return [this](std::uint64_t offset, MutableByteView buffer) { return written_->read(offset, buffer); };
}

}  // namespace aloft::storage
