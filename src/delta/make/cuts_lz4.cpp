#include <algorithm>

#include "delta/make/cuts_of.hpp"

namespace aloft::delta::detail {
namespace {

constexpr std::array<unsigned, 11> kLz4Levels = {9, 12, 3, 4, 5, 6, 7, 8, 10, 11, 1};  // the likeliest first
constexpr std::size_t kFewSequences = 8;
constexpr std::size_t kProbes = 8;
constexpr std::size_t kAttempts = 40;  // cuts that are tried for one piece
constexpr unsigned kMore = 15;
constexpr std::uint64_t kMinMatch = 4;

struct Lz4Point {
  std::uint64_t content;
  std::uint64_t packed;
};

// Where sequences begin, and the stream's end. The stream is one that has been unpacked before.
std::vector<Lz4Point> sequences_of(ByteView packed, std::uint64_t content_bytes) {
  std::vector<Lz4Point> points;
  std::uint64_t at = 0;
  std::uint64_t made = 0;
  const auto next = [&] { return at < packed.size() ? std::to_integer<std::uint64_t>(packed[at++]) : 0; };
  const auto length = [&](std::uint64_t first) {
    for (std::uint64_t more = first == kMore ? 255 : 0; more == 255;) first += more = next();
    return first;
  };
  while (at < packed.size()) {
    points.push_back({made, at});
    const std::uint64_t token = next();
    const std::uint64_t literals = length(token >> 4);
    at += literals;
    made += literals;
    if (at >= packed.size()) break;
    at += 2;
    made += length(token & kMore) + kMinMatch;
  }
  points.push_back({content_bytes, packed.size()});
  return points;
}

class Cutter {
 public:
  Cutter(ByteView packed, ByteView content) : packed_(packed), content_(content), points_(sequences_of(packed, content.size())) {}

  bool choose(unsigned level) {
    coder_ = make_lz4_pieces({.compressor = Compressor::lz4_stream, .level = level});
    std::size_t probes = 0;
    for (std::size_t from = 0; from + 1 < points_.size() && probes < kProbes; ++from) {
      const std::size_t end = farthest(from);
      if (end <= from + kFewSequences) continue;  // as where a match has megabytes of zeros
      if (is_proven(cut(from, end), *coder_, packed_, content_)) return true;
      ++probes;
    }
    return false;
  }

  std::vector<Cut> run() {
    std::vector<Cut> cuts;
    for (std::size_t at = 0; at + 1 < points_.size();) {
      const std::size_t end = piece_from(at);
      if (end > at) {
        cuts.push_back(cut(at, end));
        at = end;
        continue;
      }
      Cut as_it_is = cut(at, at + 1);
      as_it_is.remade = false;
      if (!cuts.empty() && !cuts.back().remade) {
        cuts.back().packed_end = as_it_is.packed_end;
        cuts.back().content_end = as_it_is.content_end;
      } else {
        cuts.push_back(as_it_is);
      }
      ++at;
    }
    return cuts;
  }

 private:
  // The last point that is not too far for a piece.
  std::size_t farthest(std::size_t from) const {
    const std::uint64_t most = points_[from].content + kPieceContentBytes;
    return static_cast<std::size_t>(std::ranges::upper_bound(points_, most, {}, &Lz4Point::content) - points_.begin()) - 1;
  }

  Cut cut(std::size_t from, std::size_t to) const {
    Cut cut{.packed_begin = points_[from].packed,
            .packed_end = points_[to].packed,
            .content_begin = points_[from].content,
            .content_end = points_[to].content,
            .remade = true,
            .piece = {}};
    cut.piece.last = to + 1 == points_.size();
    cut.piece.ahead_bytes = cut.piece.last ? 0 : std::min<std::uint64_t>(kLz4AheadBytes, content_.size() - cut.content_end);
    return cut;
  }

  // Where a piece can end that begins there, and is made again; such that the next can begin there, too. `from`: nowhere.
  std::size_t piece_from(std::size_t from) {
    std::size_t end = farthest(from);
    for (std::size_t i = 0; i < kAttempts && end > from + kFewSequences; ++i, --end) {
      if (!is_proven(cut(from, end), *coder_, packed_, content_)) continue;
      const std::size_t few = std::min(end + kFewSequences, points_.size() - 1);
      if (few == end ||
          (points_[few].content - points_[end].content <= kPieceContentBytes && is_proven(cut(end, few), *coder_, packed_, content_)))
        return end;
    }
    return from;
  }

  ByteView packed_;
  ByteView content_;
  std::vector<Lz4Point> points_;
  std::unique_ptr<PieceCoder> coder_;
};

}  // namespace

StreamCuts cut_lz4(ByteView packed, ByteView content) {
  StreamCuts result;
  Cutter cutter(packed, content);
  const auto level = std::ranges::find_if(kLz4Levels, [&](unsigned one) { return cutter.choose(one); });
  if (level == kLz4Levels.end()) return result;
  result.coding = {.compressor = Compressor::lz4_stream, .version = library_version(Compressor::lz4_stream), .level = *level};
  result.cuts = cutter.run();
  return result;
}

}  // namespace aloft::delta::detail
