#include "delta/make/repeats.hpp"

#include <algorithm>

#include "delta/make/block_match.hpp"
#include "delta/make/residue.hpp"

namespace aloft::delta {
namespace {

bool by_target(const Cover& a, const Cover& b) { return a.target < b.target; }

// The taken runs, and all of the streams or all but the streams.
Covers without(ByteView image, const std::vector<Run>& streams, const Covers& taken, bool streams_too) {
  Covers all = taken;
  std::uint64_t at = 0;
  for (const Run& stream : streams) {
    if (streams_too) all.push_back({stream.begin, 0, stream.end - stream.begin});
    if (!streams_too && at < stream.begin) all.push_back({at, 0, stream.begin - at});
    at = stream.end;
  }
  if (!streams_too) all.push_back({at, 0, image.size() - at});
  std::ranges::sort(all, by_target);
  Covers merged;
  for (const Cover& cover : all) {
    if (!merged.empty() && cover.target <= merged.back().target_end()) {
      merged.back().size_bytes = std::max(merged.back().target_end(), cover.target_end()) - merged.back().target;
    } else {
      merged.push_back(cover);
    }
  }
  return merged;
}

}  // namespace

Covers repeats_in_streams(ByteView image, const std::vector<Run>& streams, const Covers& taken) {
  Covers repeats;
  if (streams.empty()) return repeats;
  const Residue outside = uncovered_target(image, without(image, streams, taken, true));
  const Residue within = uncovered_target(image, without(image, streams, taken, false));
  const Bytes outside_bytes = outside.copy(image, 0, outside.size_bytes());
  const Bytes within_bytes = within.copy(image, 0, within.size_bytes());
  for (const Cover& cover : match_blocks(outside_bytes, within_bytes, {})) split_cover(cover, within, outside, repeats);
  return repeats;
}

void add_repeated(const Covers& repeats, Covers& covers) {
  const Covers known = covers;
  for (const Cover& repeat : repeats) {
    auto cover = std::ranges::upper_bound(known, repeat.source, {}, &Cover::target_end);
    for (; cover != known.end() && cover->target < repeat.source_end(); ++cover) {
      const std::uint64_t begin = std::max(cover->target, repeat.source);
      const std::uint64_t end = std::min(cover->target_end(), repeat.source_end());
      covers.push_back({repeat.target + (begin - repeat.source), cover->source + (begin - cover->target), end - begin});
    }
  }
  std::ranges::sort(covers, by_target);
}

}  // namespace aloft::delta
