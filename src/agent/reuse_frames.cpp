#include "agent/reuse_frames.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "bundle/errors.hpp"

namespace aloft::agent {
namespace {

constexpr std::size_t kBlock = bundle::kBlockBytes;
constexpr std::size_t kDigestBytes = 32;
constexpr unsigned kPatience = 8;
constexpr std::uint64_t kReadFrames = 512;  // whose digests are asked for at once

std::uint64_t blocks_of(const bundle::Image& image, std::uint64_t frame) {
  return (image.frame_content_bytes(frame) + kBlock - 1) / kBlock;
}

class ZeroFrames {
 public:
  explicit ZeroFrames(const bundle::Image& image) : image_(image), whole_(crypto::sha256(Bytes(image.frame_size_bytes))) {}
  bool has(std::uint64_t frame) const { return image_.frames[frame] == whole_; }

 private:
  const bundle::Image& image_;
  const bundle::Digest whole_;
};

// One range, and no byte beyond it.
Result<> read_digests(ByteSource& file, std::uint64_t offset, std::uint64_t count, Bytes& digests) {
  digests.resize(static_cast<std::size_t>(count * kDigestBytes));
  file.expect(offset + digests.size());
  const auto read = file.read_at(offset, digests);
  file.expect(kNoEnd);
  if (TRY(read) < digests.size()) return fail(bundle::kTruncated, "the bundle ends before its block digests do; fetch it again");
  return {};
}

}  // namespace

std::uint64_t block_names_bytes(const bundle::Image& image) {
  if (!image.blocks) return 0;
  const ZeroFrames zeros(image);
  std::uint64_t blocks = 0;
  for (std::uint64_t frame = 0; frame < image.frame_count(); ++frame) blocks += zeros.has(frame) ? 0 : blocks_of(image, frame);
  return blocks * kDigestBytes;
}

Result<std::vector<BlockName>> fetch_block_names(const bundle::Reader& reader, std::size_t index, ByteSource& file) {
  const bundle::Image& image = reader.manifest().images[index];
  const std::uint64_t per_frame = image.frame_size_bytes / kBlock;
  const ZeroFrames zeros(image);
  std::vector<BlockName> names((image.size_bytes + kBlock - 1) / kBlock, zero_block_name());
  Bytes digests;
  for (std::uint64_t frame = 0; frame < image.frame_count();) {
    if (zeros.has(frame)) {
      ++frame;
      continue;
    }
    std::uint64_t end = frame;
    while (end < image.frame_count() && end - frame < kReadFrames && !zeros.has(end)) ++end;
    const std::uint64_t first = frame * per_frame;
    const std::uint64_t count = std::min<std::uint64_t>(end * per_frame, names.size()) - first;
    TRY(read_digests(file, reader.blocks_extent(index).offset_bytes + first * kDigestBytes, count, digests));
    for (std::uint64_t block = 0; block < count; ++block)
      names[first + block] = block_name(ByteView(digests).subspan(block * kDigestBytes, kDigestBytes));
    frame = end;
  }
  return names;
}

ReuseFrames::ReuseFrames(const bundle::Image& image, std::vector<BlockName> wanted, BlockIndex index,
                         std::vector<std::unique_ptr<ByteSource>> slots)
    : image_(image), wanted_(std::move(wanted)), index_(std::move(index)), slots_(std::move(slots)), had_(image.frame_count()) {
  for (std::uint64_t frame = 0; frame < image_.frame_count(); ++frame) {
    had_[frame] = has_all(frame);
    if (!had_[frame]) missing_bytes_ += image_.stored[frame].size_bytes;
  }
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> ReuseFrames::missing_runs(std::uint64_t from) const {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> runs;
  for (std::uint64_t frame = from; frame < had_.size(); ++frame) {
    if (had_[frame]) continue;
    if (runs.empty() || runs.back().second != frame) runs.emplace_back(frame, frame);
    runs.back().second = frame + 1;
  }
  return runs;
}

// A last block that is shorter is in no index.
bool ReuseFrames::has_all(std::uint64_t frame) const {
  if (image_.frame_content_bytes(frame) % kBlock != 0) return false;
  const auto first = wanted_.begin() + static_cast<std::ptrdiff_t>(frame * blocks_per_frame());
  return std::all_of(first, first + static_cast<std::ptrdiff_t>(blocks_of(image_, frame)),
                     [this](BlockName name) { return name == zero_block_name() || index_.find(name).has_value(); });
}

// From block `first` on, as many as stand side by side in one slot.
bool ReuseFrames::copy_run(std::size_t first, std::size_t& next, std::size_t end, MutableByteView content,
                           std::optional<BlockIndex::Place>& last) {
  const auto begin = index_.find(wanted_[first], last);
  if (!begin) return false;
  last = begin;
  for (next = first + 1; next < end && wanted_[next] != zero_block_name(); ++next) {
    const auto place = index_.find(wanted_[next], last);
    if (!place || place->slot != last->slot || place->block != last->block + 1) break;
    last = place;
  }
  const auto run = content.first((next - first) * kBlock);
  const auto read = slots_[begin->slot]->read_at(std::uint64_t{begin->block} * kBlock, run);
  return read && *read == run.size();
}

Result<bool> ReuseFrames::make(std::uint64_t frame, MutableByteView content) {
  if (wrong_ >= kPatience) return false;
  if (!had_[frame]) return false;
  const std::size_t first = frame * blocks_per_frame();
  const std::size_t end = first + content.size() / kBlock;
  std::optional<BlockIndex::Place> last;
  for (std::size_t block = first; block < end;) {
    const auto rest = content.subspan((block - first) * kBlock);
    if (wanted_[block] == zero_block_name()) {
      std::ranges::fill(rest.first(kBlock), std::byte{0});
      ++block;
      continue;
    }
    std::size_t next = block;
    if (!copy_run(block, next, end, rest, last)) return false;
    block = next;
  }
  return true;
}

void ReuseFrames::checked(bool right) {
  if (right) {
    wrong_ = 0;
    return;
  }
  if (wrong_++ == 0) log::warning("reuse: a frame is taken from the bundle instead: a slot has changed since its blocks were named");
  if (wrong_ == kPatience) log::warning("reuse: it does not serve here; the rest comes from the bundle");
}

}  // namespace aloft::agent
