#include "delta/make/match.hpp"

#include <algorithm>

#include "delta/make/block_match.hpp"
#include "delta/make/residue.hpp"
#include "delta/make/suffix_match.hpp"

namespace aloft::delta {
namespace {

// Where the window of the old residue begins for a step of the new one: the same part of the way along, in its middle.
std::uint64_t window_begin(std::uint64_t step_middle, std::uint64_t target_bytes, std::uint64_t source_bytes, std::uint64_t window_bytes) {
  if (source_bytes <= window_bytes) return 0;
  const auto middle =
      static_cast<std::uint64_t>(static_cast<double>(step_middle) / static_cast<double>(target_bytes) * static_cast<double>(source_bytes));
  return std::min(middle - std::min(middle, window_bytes / 2), source_bytes - window_bytes);
}

}  // namespace

Covers match_images(ByteView source, ByteView target, const MatchLimits& limits, const Pace& pace) {
  Covers covers = match_blocks(source, target, [&](std::uint64_t done) {
    if (pace) pace(done / 2);
  });
  const Residue left = uncovered_target(target, covers);
  const Residue from = unread_source(source, covers);
  const std::uint64_t total = left.size_bytes();
  const std::uint64_t window = std::min(limits.window_bytes, from.size_bytes());
  const std::uint64_t step = from.size_bytes() <= limits.window_bytes ? total : std::max<std::uint64_t>(1, limits.window_bytes / 2);
  for (std::uint64_t at = 0; at < total && window > 0; at += step) {
    const std::uint64_t end = std::min(total, at + step);
    const std::uint64_t begin = window_begin(at + (end - at) / 2, total, from.size_bytes(), window);
    const Bytes old_bytes = from.copy(source, begin, begin + window);
    const Bytes new_bytes = left.copy(target, at, end);
    if (pace) pace(target.size() / 2);
    const Covers near = match_nearly(old_bytes, new_bytes, [&](std::uint64_t done) {
      if (pace)
        pace(static_cast<std::uint64_t>(static_cast<double>(target.size()) *
                                        (0.5 + 0.5 * static_cast<double>(at + done) / static_cast<double>(total))));
    });
    for (const Cover& cover : near) split_cover({cover.target + at, cover.source + begin, cover.size_bytes}, left, from, covers);
  }
  std::ranges::sort(covers, {}, &Cover::target);
  return covers;
}

}  // namespace aloft::delta
