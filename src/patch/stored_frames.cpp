#include "patch/stored_frames.hpp"

#include <zstd.h>

#include <algorithm>

namespace aloft::patch {
namespace {

constexpr std::uint64_t kSamples = 6;
constexpr int kMaxLevel = 19;

struct Sample {
  Bytes content;
  bundle::Digest stored_sha256;
};

// Of the frames from `first` on: the one that packs best, but for those that are nearly nothing. Levels tell least of zeros, and of what
// does not pack at all.
std::uint64_t telling_frame(const bundle::Image& image, std::uint64_t first, std::uint64_t end) {
  std::uint64_t best = first;
  double best_share = 2;
  for (std::uint64_t frame = first; frame < end; ++frame) {
    const double share = static_cast<double>(image.stored[frame].size_bytes) / static_cast<double>(image.frame_content_bytes(frame));
    if (share < 0.125 || share >= best_share) continue;
    best = frame;
    best_share = share;
  }
  return best;
}

Result<std::vector<Sample>> samples_of(bundle::Reader& reader, std::size_t index) {
  const bundle::Image& image = reader.manifest().images[index];
  const std::uint64_t count = std::min(kSamples, image.frame_count());
  bundle::FrameDecoder decoder;
  std::vector<Sample> samples;
  Bytes stored;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t frame = telling_frame(image, i * image.frame_count() / count, (i + 1) * image.frame_count() / count);
    Sample sample{.content = Bytes(image.frame_content_bytes(frame)), .stored_sha256 = image.stored[frame].sha256};
    TRY(reader.fetch_frame(index, frame, stored));
    TRY(decoder.decode(image, frame, stored, sample.content));
    samples.push_back(std::move(sample));
  }
  return samples;
}

}  // namespace

std::uint64_t encoder_version() { return ZSTD_versionNumber(); }

Result<std::optional<int>> find_level(bundle::Reader& reader, std::size_t index) {
  const bundle::Image& image = reader.manifest().images[index];
  if (image.encoding == bundle::Encoding::none) return std::optional<int>();
  const auto samples = TRY(samples_of(reader, index));
  for (int level = 1; level <= kMaxLevel; ++level) {
    bundle::FrameEncoder encoder(image, level);
    bundle::PackedFrame packed;
    bool same = true;
    for (const Sample& sample : samples) {
      TRY(encoder.encode(sample.content, packed));
      same = packed.stored_sha256 == sample.stored_sha256;
      if (!same) break;
    }
    if (same) return std::optional<int>(level);
  }
  return std::optional<int>();
}

}  // namespace aloft::patch
