#include "bundle/blocks.hpp"

#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "base/zeros.hpp"
#include "bundle/errors.hpp"
#include "bundle/rolling_sum.hpp"

namespace aloft::bundle {
namespace {

constexpr unsigned kNameBits = 48;
constexpr std::uint64_t kNameMask = (std::uint64_t{1} << kNameBits) - 1;
static_assert(max_stored_bytes(kBlockBytes) < 1U << (64 - kNameBits));

std::uint64_t blocks_of(std::uint64_t content_bytes) { return (content_bytes + kBlockBytes - 1) / kBlockBytes; }

}  // namespace

BlockName block_name(ByteView block, const Digest& sha256) {
  return RollingSum(block).value() | std::to_integer<std::uint64_t>(sha256[0]) << 32U | std::to_integer<std::uint64_t>(sha256[1]) << 40U;
}

std::uint64_t Image::blocks_section_bytes() const {
  if (!blocks) return 0;
  const ZeroFrames zeros(frame_size_bytes);
  const auto whole = static_cast<std::uint64_t>(std::ranges::count_if(frames, [&](const Digest& frame) { return zeros.has(frame); }));
  return (blocks_of(size_bytes) - whole * (frame_size_bytes / kBlockBytes)) * kBlockEntryBytes;
}

Result<> append_block_entries(Encoding encoding, std::uint32_t frame_size_bytes, ByteView content, ByteView stored, Bytes& section) {
  if (content.size() == frame_size_bytes && is_zero(content)) return {};
  for (std::size_t at = 0; at < content.size(); at += kBlockBytes) {
    const ByteView block = content.subspan(at, std::min<std::size_t>(kBlockBytes, content.size() - at));
    const std::size_t size = encoding == Encoding::none ? block.size() : ZSTD_findFrameCompressedSize(stored.data(), stored.size());
    if (size > stored.size() || size > max_stored_bytes(kBlockBytes))  // as errors are
      return fail(kBadBlocks, "a frame is not stored block by block; make the bundle again");
    section.resize(section.size() + kBlockEntryBytes);
    store_le64(std::span(section).last(kBlockEntryBytes), block_name(block) | std::uint64_t{size} << kNameBits);
    stored = stored.subspan(size);
  }
  return stored.empty() ? Result<>() : fail(kBadBlocks, "something follows the blocks of a frame; make the bundle again");
}

Result<BlockTable> BlockTable::parse(const Image& image, ByteView section) {
  if (section.size() != image.blocks_section_bytes())
    return fail(kBadBlocks, "the section of blocks of image " + image.name + " has another size; make the bundle again");
  BlockTable table;
  table.entries_.reserve(section.size() / kBlockEntryBytes);
  table.first_.reserve(image.frames.size() + 1);
  const ZeroFrames zeros(image.frame_size_bytes);
  for (std::uint64_t frame = 0; frame < image.frames.size(); ++frame) {
    table.first_.push_back(table.entries_.size());
    if (zeros.has(image.frames[frame])) continue;
    std::uint64_t stored = 0;
    for (std::uint64_t block = 0; block < blocks_of(image.frame_content_bytes(frame)); ++block) {
      const std::uint64_t entry = load_le64(section.subspan(table.entries_.size() * kBlockEntryBytes));
      stored += entry >> kNameBits;
      table.entries_.push_back(entry);
    }
    if (stored != image.stored[frame].size_bytes)
      return fail(kBadBlocks, "the blocks of frame " + std::to_string(frame) + " of image " + image.name +
                                  " are not as long as the frame is stored; make the bundle again");
  }
  table.first_.push_back(table.entries_.size());
  return table;
}

BlockTable::Block BlockTable::at(std::uint64_t frame, std::size_t block) const {
  const std::uint64_t entry = entries_[static_cast<std::size_t>(first_[frame]) + block];
  return {.name = entry & kNameMask, .stored_bytes = static_cast<std::uint32_t>(entry >> kNameBits)};
}

}  // namespace aloft::bundle
