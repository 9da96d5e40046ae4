#include "delta/make/residue.hpp"

#include <algorithm>
#include <cstring>

namespace aloft::delta {
namespace {

constexpr std::uint64_t kUniformBytes = 4096;
constexpr std::uint64_t kBridgedBytes = 32768;

// The end of the run of one repeated byte that begins at `at`.
std::uint64_t uniform_end(ByteView image, std::uint64_t at, std::uint64_t end) {
  std::uint64_t to = at + 1;
  while (to < end && image[to] == image[at]) ++to;
  return to;
}

}  // namespace

void Residue::add_plain(std::uint64_t offset, std::uint64_t end) {
  if (offset < end) remnants_.push_back({offset, end - offset, size_bytes()});
}

void Residue::add(ByteView image, std::uint64_t offset, std::uint64_t end) {
  std::uint64_t begin = offset;
  for (std::uint64_t at = offset; at < end;) {
    const std::uint64_t to = uniform_end(image, at, end);
    if (to - at >= kUniformBytes) {
      add_plain(begin, at);
      begin = to;
    }
    at = to;
  }
  add_plain(begin, end);
}

const Remnant& Residue::at_place(std::uint64_t place) const {
  const auto behind = std::ranges::upper_bound(remnants_, place, {}, &Remnant::place);
  return *(behind - 1);
}

Bytes Residue::copy(ByteView image, std::uint64_t begin, std::uint64_t end) const {
  Bytes out(static_cast<std::size_t>(end - begin));
  for (std::uint64_t at = begin; at < end;) {
    const Remnant& remnant = at_place(at);
    const std::uint64_t skipped = at - remnant.place;
    const std::uint64_t size = std::min(remnant.size_bytes - skipped, end - at);
    std::memcpy(out.data() + (at - begin), image.data() + remnant.offset + skipped, static_cast<std::size_t>(size));
    at += size;
  }
  return out;
}

Residue uncovered_target(ByteView target, const Covers& covers) {
  Residue residue;
  std::uint64_t at = 0;
  for (const Cover& cover : covers) {
    residue.add(target, at, cover.target);
    at = cover.target_end();
  }
  residue.add(target, at, target.size());
  return residue;
}

Residue unread_source(ByteView source, const Covers& covers) {
  Covers sorted = covers;
  std::ranges::sort(sorted, {}, &Cover::source);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> unread;
  std::uint64_t at = 0;
  const auto add = [&](std::uint64_t end) {
    if (at >= end) return;
    if (!unread.empty() && at - unread.back().second < kBridgedBytes) {
      unread.back().second = end;
    } else {
      unread.emplace_back(at, end);
    }
  };
  for (const Cover& cover : sorted) {
    add(cover.source);
    at = std::max(at, cover.source_end());
  }
  add(source.size());
  Residue residue;
  for (const auto& [begin, end] : unread) residue.add(source, begin, end);
  return residue;
}

void split_cover(const Cover& cover, const Residue& target, const Residue& source, Covers& out) {
  for (std::uint64_t done = 0; done < cover.size_bytes;) {
    const Remnant& to = target.at_place(cover.target + done);
    const Remnant& from = source.at_place(cover.source + done);
    const std::uint64_t to_skipped = cover.target + done - to.place;
    const std::uint64_t from_skipped = cover.source + done - from.place;
    const std::uint64_t size = std::min({cover.size_bytes - done, to.size_bytes - to_skipped, from.size_bytes - from_skipped});
    out.push_back({to.offset + to_skipped, from.offset + from_skipped, size});
    done += size;
  }
}

}  // namespace aloft::delta
