#include <algorithm>

#include "delta/make/cuts_of.hpp"

namespace aloft::delta::detail {
namespace {

constexpr std::array<unsigned, 6> kGzipLevels = {6, 9, 4, 5, 7, 8};  // the likeliest first

struct GzipPoint {
  std::size_t content;
  std::size_t packed;
  DeflateState state;
};

// How many bytes of the stream the level gives, and where its blocks end.
std::size_t encoded(unsigned level, ByteView packed, ByteView content, std::vector<GzipPoint>& points) {
  Bytes made(packed.size());
  GzipDeflate deflate(level);
  points.assign(1, {0, 0, {}});
  std::size_t right = 0;  // bytes that are as they should be
  const auto compare = [&](std::size_t end) {
    end = std::min(end, packed.size());
    if (!std::ranges::equal(ByteView(made).subspan(right, end - right), packed.subspan(right, end - right))) return false;
    right = end;
    return true;
  };
  bool differs = false;
  const std::size_t size = deflate.encode({content, 0, {}, true}, made, [&](std::size_t at, std::size_t bytes, const DeflateState& state) {
    differs = !compare(bytes);
    if (differs) return false;
    points.push_back({at, bytes, state});
    return true;
  });
  if (!differs && size == packed.size() && compare(size)) points.push_back({content.size(), size, {}});
  return right;
}

}  // namespace

StreamCuts cut_gzip(ByteView packed, ByteView content) {
  StreamCuts result;
  std::vector<GzipPoint> points;
  std::size_t most = 0;
  for (const unsigned level : kGzipLevels) {
    std::vector<GzipPoint> found;
    const std::size_t right = encoded(level, packed, content, found);
    if (right <= most || found.size() < 2) continue;
    most = right;
    points = std::move(found);
    result.coding = {.compressor = Compressor::gzip, .version = kGzipModelVersion, .level = level};
    if (right == packed.size()) break;
  }
  if (points.empty()) return result;
  for (std::size_t i = 0; i + 1 < points.size();) {
    std::size_t end = i + 1;
    while (end + 1 < points.size() && points[end + 1].content - points[i].content <= kPieceContentBytes) ++end;
    const bool last = points[end].packed == packed.size() && points[end].content == content.size();
    Cut cut{.packed_begin = points[i].packed,
            .packed_end = points[end].packed,
            .content_begin = points[i].content,
            .content_end = points[end].content,
            .remade = true,
            .piece = {}};
    cut.piece.state = points[i].state;
    cut.piece.last = last;
    cut.piece.ahead_bytes = last ? 0 : std::min<std::uint64_t>(kGzipAheadBytes, content.size() - cut.content_end);
    result.cuts.push_back(cut);
    i = end;
  }
  const GzipPoint& end = points.back();
  if (end.packed < packed.size())
    result.cuts.push_back({.packed_begin = end.packed,
                           .packed_end = packed.size(),
                           .content_begin = end.content,
                           .content_end = content.size(),
                           .remade = false,
                           .piece = {}});
  return result;
}

}  // namespace aloft::delta::detail
