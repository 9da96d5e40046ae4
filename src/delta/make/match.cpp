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

Covers joined(const Covers& some, const Covers& others) {
  Covers all = some;
  all.insert(all.end(), others.begin(), others.end());
  std::ranges::sort(all, {}, &Cover::target);
  return all;
}

// What of the old image is read anyway, or stands in a stream and outside of it.
Covers not_wanted(ByteView source, const std::vector<Run>& streams, const Covers& covers) {
  Covers read;
  for (const Cover& cover : covers) read.push_back({cover.source, 0, cover.size_bytes});
  Covers all = covers;
  for (const Cover& repeat : repeats_in_streams(source, streams, read)) all.push_back({0, repeat.target, repeat.size_bytes});
  return all;
}

}  // namespace

Covers match_images(ByteView source, ByteView target, const MatchLimits& limits, const Pace& pace, const StreamRuns& streams) {
  Covers covers = match_blocks(source, target, [&](std::uint64_t done) {
    if (pace) pace(done / 2);
  });
  const auto half_way = [&] {  // also lets go of the pages that were read
    if (pace) pace(target.size() / 2);
  };
  half_way();
  const Covers repeats = repeats_in_streams(target, streams.target, covers);
  half_way();
  const Residue left = uncovered_target(target, joined(covers, repeats));
  half_way();
  const Covers unwanted = not_wanted(source, streams.source, covers);
  half_way();
  const Residue from = unread_source(source, unwanted);
  half_way();
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
  add_repeated(repeats, covers);
  return covers;
}

}  // namespace aloft::delta
