#include "agent/reuse_frames.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "bundle/errors.hpp"

namespace aloft::agent {
namespace {

constexpr unsigned kReusePatience = 8;
constexpr std::uint64_t kWorthReading = 2048;  // times what is missing: so much is read to find a part of it
constexpr std::uint64_t kRequestBytes = 256;   // what asking for another range costs, about: what is nearer comes along

Result<> read_all(ByteSource& file, std::uint64_t offset, MutableByteView buffer) {
  if (TRY(file.read_at(offset, buffer)) == buffer.size()) return {};
  return fail(bundle::kTruncated, "the bundle ends before its blocks do; fetch it again");
}

}  // namespace

// Blocks of a frame that are fetched at once, and where they are in the file.
struct ReuseFrames::Range {
  std::size_t first;
  std::size_t end;
  ByteRun bytes;
};

Result<bundle::BlockTable> fetch_blocks(const bundle::Reader& reader, std::size_t index, ByteSource& file) {
  const bundle::Extent extent = reader.blocks_extent(index);
  Bytes section(static_cast<std::size_t>(extent.size_bytes));
  file.expect(extent.offset_bytes + extent.size_bytes);
  const auto read = read_all(file, extent.offset_bytes, section);
  file.expect(kNoEnd);
  TRY(read);
  TRY(reader.check_blocks(index, section));
  return bundle::BlockTable::parse(reader.manifest().images[index], section);
}

ReuseFrames::ReuseFrames(const bundle::Reader& reader, std::size_t image, ByteSource& file, bundle::BlockTable wanted, BlockIndex index,
                         std::vector<std::unique_ptr<ByteSource>> slots, Fill fill)
    : reader_(reader),
      image_index_(image),
      image_(reader.manifest().images[image]),
      file_(file),
      wanted_(std::move(wanted)),
      index_(std::move(index)),
      slots_(std::move(slots)),
      fill_(std::move(fill)) {
  count_missing();
}

void ReuseFrames::count_missing() {
  missing_bytes_ = 0;
  for (const ByteRun& run : missing_runs(0)) missing_bytes_ += run.end - run.begin;
}

std::vector<BlockName> ReuseFrames::missing_names() const {
  std::vector<BlockName> names;
  for (std::uint64_t frame = 0; frame < image_.frame_count(); ++frame)
    for (std::size_t block = 0; block < wanted_.count(frame); ++block)
      if (is_missing(frame, block)) names.push_back(wanted_.at(frame, block).name);
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

Result<> ReuseFrames::find_shifted(const std::function<bool()>& stop) {
  if (missing_bytes_ < index_.size() * kBlock / kWorthReading) return {};
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    auto found = agent::find_shifted(*slots_[slot], missing_names(), stop);
    if (!found && stop()) return fail(found.error());
    if (found) index_.add_shifted(slot, *found);
  }
  count_missing();
  return {};
}

// A last block that is shorter is in no index.
bool ReuseFrames::is_missing(std::uint64_t frame, std::size_t block) const {
  if ((block + 1) * kBlock > image_.frame_content_bytes(frame)) return true;
  const BlockName name = wanted_.at(frame, block).name;
  return name != zero_block_name() && !index_.find(name);
}

std::vector<ReuseFrames::Range> ReuseFrames::ranges_of(std::uint64_t frame) const {
  std::vector<Range> ranges;
  std::uint64_t at = reader_.stored_extent(image_index_, frame).offset_bytes;
  for (std::size_t block = 0; block < wanted_.count(frame); ++block) {
    const std::uint64_t begin = at;
    at += wanted_.at(frame, block).stored_bytes;
    if (!is_missing(frame, block)) continue;
    if (ranges.empty() || begin - ranges.back().bytes.end > kRequestBytes) ranges.push_back({block, block, {begin, begin}});
    ranges.back().end = block + 1;
    ranges.back().bytes.end = at;
  }
  return ranges;
}

std::vector<ByteRun> ReuseFrames::missing_runs(std::uint64_t from) const {
  std::vector<ByteRun> runs;
  for (std::uint64_t frame = from; frame < image_.frame_count(); ++frame) {
    for (const Range& range : ranges_of(frame)) {
      const bool near = !runs.empty() && range.bytes.begin - runs.back().end <= kRequestBytes;
      if (near)
        runs.back().end = range.bytes.end;
      else
        runs.push_back(range.bytes);
    }
  }
  return runs;
}

// From block `first` on, as many as stand side by side in one slot.
bool ReuseFrames::copy_run(std::uint64_t frame, std::size_t first, std::size_t& next, MutableByteView content,
                           std::optional<BlockIndex::Place>& last) {
  const auto begin = index_.find(wanted_.at(frame, first).name, last);
  if (!begin) return false;
  last = begin;
  for (next = first + 1; (next + 1) * kBlock <= content.size(); ++next) {
    const BlockName name = wanted_.at(frame, next).name;
    const auto place = name == zero_block_name() ? std::nullopt : index_.find(name, last);
    if (!place || place->slot != last->slot || place->offset_bytes != last->offset_bytes + kBlock) break;
    last = place;
  }
  const auto run = content.subspan(first * kBlock, (next - first) * kBlock);
  const auto read = slots_[begin->slot]->read_at(begin->offset_bytes, run);
  return read && *read == run.size();
}

bool ReuseFrames::copy_present(std::uint64_t frame, MutableByteView content) {
  std::optional<BlockIndex::Place> last;
  for (std::size_t block = 0; block < wanted_.count(frame);) {
    std::size_t next = block + 1;
    if (!is_missing(frame, block)) {
      if (wanted_.at(frame, block).name == zero_block_name()) {
        std::ranges::fill(content.subspan(block * kBlock, kBlock), std::byte{0});
      } else if (!copy_run(frame, block, next, content, last)) {
        return false;
      }
    }
    block = next;
  }
  return true;
}

Result<bool> ReuseFrames::fetch_missing(std::uint64_t frame, MutableByteView content) {
  const std::vector<Range> ranges = ranges_of(frame);
  if (ranges.empty()) return true;
  if (whole_frames_) return false;
  std::vector<Bytes> fetched;
  std::vector<delta::Gap> gaps;
  for (const Range& range : ranges) {
    Bytes& bytes = fetched.emplace_back(static_cast<std::size_t>(range.bytes.end - range.bytes.begin));
    TRY(read_all(file_, range.bytes.begin, bytes));
    ByteView rest = bytes;
    for (std::size_t block = range.first; block < range.end; ++block) {
      const ByteView stored = rest.first(wanted_.at(frame, block).stored_bytes);
      rest = rest.subspan(stored.size());
      const std::size_t offset = block * kBlock;
      const std::size_t size = std::min(kBlock, content.size() - offset);
      if (!is_missing(frame, block)) continue;
      if (image_.encoding == bundle::Encoding::none) {
        std::ranges::copy(stored.first(std::min(size, stored.size())), content.subspan(offset).begin());
        continue;
      }
      gaps.push_back({.offset = static_cast<std::uint32_t>(offset), .size_bytes = static_cast<std::uint32_t>(size), .packed = stored});
    }
  }
  if (gaps.empty()) return true;
  const auto filled = fill_(content, gaps);
  if (!filled) {
    log::warning("reuse: frames that lack a block are taken from the bundle: " + filled.error().text());
    whole_frames_ = true;
  }
  return filled.has_value();
}

Result<bool> ReuseFrames::make(std::uint64_t frame, MutableByteView content) {
  if (wrong_ >= kReusePatience || !copy_present(frame, content)) return false;
  return fetch_missing(frame, content);
}

void ReuseFrames::checked(bool right) {
  if (right) {
    wrong_ = 0;
    return;
  }
  if (wrong_++ == 0) log::warning("reuse: a frame is taken from the bundle instead: a slot has changed since its blocks were named");
  if (wrong_ == kReusePatience) log::warning("reuse: it does not serve here; the rest comes from the bundle");
}

}  // namespace aloft::agent
