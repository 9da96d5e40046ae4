#include "delta/make/file_cuts.hpp"

#include <lzma.h>
#include <zstd.h>

#include <algorithm>
#include <optional>

namespace aloft::delta {
namespace {

constexpr unsigned kPatientMisses = 12;
// The likeliest first. The presets of xz above 6 differ in their dictionary only.
constexpr std::uint64_t kXzLevels[] = {6, 5, 4, 3, 2, 1, 0};
constexpr std::uint64_t kZstdLevels[] = {3, 19, 9, 1, 15, 6, 22, 10, 12, 18, 20};
constexpr std::size_t kZstdDescriptorAt = 4;
constexpr unsigned kZstdChecksum = 4;

// What the stream's and the block's header say of the compressor.
std::optional<BlockCoding> xz_coding(ByteView packed) {
  BlockCoding coding{.compressor = Compressor::xz_file, .version = library_version(Compressor::xz_file)};
  const auto* at = reinterpret_cast<const std::uint8_t*>(packed.data());
  lzma_stream_flags flags{};
  if (packed.size() <= LZMA_STREAM_HEADER_SIZE || lzma_stream_header_decode(&flags, at) != LZMA_OK) return std::nullopt;
  if (flags.check != LZMA_CHECK_CRC32 && flags.check != LZMA_CHECK_CRC64) return std::nullopt;
  at += LZMA_STREAM_HEADER_SIZE;
  lzma_filter filters[LZMA_FILTERS_MAX + 1];
  lzma_block block{};
  block.check = flags.check;
  block.filters = filters;
  block.header_size = lzma_block_header_size_decode(*at);
  if (*at == 0 || block.header_size > packed.size() - LZMA_STREAM_HEADER_SIZE || lzma_block_header_decode(&block, nullptr, at) != LZMA_OK)
    return std::nullopt;
  if (filters[0].id == LZMA_FILTER_LZMA2) coding.window = static_cast<const lzma_options_lzma*>(filters[0].options)->dict_size;
  coding.variant = (block.compressed_size == LZMA_VLI_UNKNOWN ? 0 : kXzSizes) | (flags.check == LZMA_CHECK_CRC64 ? kXzCrc64 : 0);
  lzma_filters_free(filters, nullptr);
  return coding;
}

std::optional<BlockCoding> zstd_coding(ByteView packed) {
  if (packed.size() <= kZstdDescriptorAt) return std::nullopt;
  return BlockCoding{.compressor = Compressor::zstd_file,
                     .version = library_version(Compressor::zstd_file),
                     .variant = (std::to_integer<unsigned>(packed[kZstdDescriptorAt]) & kZstdChecksum) != 0 ? 1U : 0U};
}

}  // namespace

bool FileCutter::remakes(const BlockCoding& coding, ByteView packed, ByteView content) {
  Tries& tries = tries_[{coding.compressor, coding.level}];
  if (!is_valid(coding) || (tries.hit == 0 && tries.missed >= kPatientMisses)) return false;
  Coders coders({coding});
  room_.resize(packed.size());
  const auto coder = coders.at(0);
  const auto size = coder ? (*coder)->encode(content, room_) : Result<std::size_t>(0);
  const bool same = size && *size == packed.size() && std::ranges::equal(room_, packed);
  ++(same ? tries.hit : tries.missed);
  return same;
}

StreamCuts FileCutter::cut(Compressor compressor, ByteView packed, ByteView content) {
  auto coding = compressor == Compressor::xz_file ? xz_coding(packed) : zstd_coding(packed);
  if (!coding) return {};
  const std::span<const std::uint64_t> known =
      compressor == Compressor::xz_file ? std::span<const std::uint64_t>(kXzLevels) : std::span<const std::uint64_t>(kZstdLevels);
  std::vector<std::uint64_t> levels(known.begin(), known.end());
  if (const auto last = last_.find(compressor); last != last_.end())
    std::ranges::stable_partition(levels, [&](std::uint64_t level) { return level == last->second; });
  for (const std::uint64_t level : levels) {
    coding->level = level;
    if (!remakes(*coding, packed, content)) continue;
    last_[compressor] = level;
    return {.cuts = {{.packed_end = packed.size(), .content_end = content.size(), .remade = true, .piece = {}}}, .coding = *coding};
  }
  return {};
}

}  // namespace aloft::delta
