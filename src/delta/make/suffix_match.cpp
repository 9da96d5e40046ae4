#include "delta/make/suffix_match.hpp"

#include <divsufsort.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace aloft::delta {
namespace {

constexpr std::size_t kBuckets = 1 << 16;
constexpr std::uint64_t kSuffixPaceBytes = 1ULL << 20;
constexpr std::size_t kBetterBy = 12;  // how much longer a match must be than what the present distance gives
constexpr std::size_t kGoodEnough = 64;
constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15;  // odd
constexpr std::size_t kAhead = 16;                         // places for which the filter is fetched ahead

std::size_t common_prefix(ByteView a, ByteView b) {
  const std::size_t most = std::min(a.size(), b.size());
  std::size_t size = 0;
  while (size + 8 <= most && std::memcmp(a.data() + size, b.data() + size, 8) == 0) size += 8;
  while (size < most && a[size] == b[size]) ++size;
  return size;
}

// Turns away what stands nowhere in a text, at the cost of one look into memory. Not all of it: a quarter of what is not there passes.
// Memory: half a byte per byte of text.
class Filter {
 public:
  static constexpr std::size_t kBytes = kBetterBy + 1;  // of text; a shorter match is never clearly better than none

  explicit Filter(ByteView text) : words_(text.size() / 16 + 1) {
    for (std::size_t at = 0; at + kBytes <= text.size(); ++at) {
      const std::uint64_t hash = hash_of(text.data() + at);
      words_[word_of(hash)] |= bit_of(hash);
    }
  }
  // wanted: at least kBytes.
  bool may_have(ByteView wanted) const {
    const std::uint64_t hash = hash_of(wanted.data());
    return (words_[word_of(hash)] & bit_of(hash)) != 0;
  }
  // What may_have() will soon look at.
  void fetch(ByteView wanted) const { __builtin_prefetch(&words_[word_of(hash_of(wanted.data()))]); }

 private:
  static std::uint64_t hash_of(const std::byte* bytes) {
    std::uint64_t head = 0;
    std::uint64_t tail = 0;
    std::memcpy(&head, bytes, 8);
    std::memcpy(&tail, bytes + kBytes - 8, 8);
    const std::uint64_t mixed = (head * kMultiplier ^ tail) * kMultiplier;
    return mixed ^ mixed >> 32;
  }
  std::size_t word_of(std::uint64_t hash) const { return (hash >> 32) * words_.size() >> 32; }
  static std::uint64_t bit_of(std::uint64_t hash) { return std::uint64_t{1} << hash % 64; }
  std::vector<std::uint64_t> words_;
};

struct Match {
  std::size_t source = 0;
  std::size_t size_bytes = 0;
};

class SuffixArray {
 public:
  explicit SuffixArray(ByteView text) : text_(text), order_(text.size()), first_(kBuckets + 1) {
    if (text.empty()) return;
    divsufsort(reinterpret_cast<const sauchar_t*>(text.data()), order_.data(), static_cast<saidx_t>(text.size()));
    std::vector<std::uint32_t> counts(kBuckets);
    for (std::size_t i = 0; i + 1 < text.size(); ++i) ++counts[bucket(text.subspan(i))];
    // The suffix of one byte stands before all others that begin with it.
    const std::size_t last = std::to_integer<std::size_t>(text.back()) << 8;
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      if (i == last) ++sum;
      first_[i] = sum;
      sum += counts[i];
    }
    first_[kBuckets] = sum;
  }

  Match longest(ByteView wanted) const {
    if (wanted.size() < 2 || text_.size() < 2) return {};
    const std::size_t in = bucket(wanted);
    std::size_t low = first_[in];
    std::size_t high = low + size_of(in);
    if (low == high) return {};
    // The suffixes on both sides of where `wanted` would stand share the most with it.
    std::size_t low_common = 2;
    std::size_t high_common = 2;
    const std::size_t begin = low;
    const std::size_t end = high;
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      const std::size_t known = std::min(low_common, high_common);
      const ByteView suffix = text_.subspan(static_cast<std::size_t>(order_[middle]));
      const std::size_t common = known + common_prefix(suffix.subspan(known), wanted.subspan(known));
      if (common == wanted.size()) return {static_cast<std::size_t>(order_[middle]), common};
      if (common == suffix.size() || suffix[common] < wanted[common]) {
        low = middle + 1;
        low_common = common;
      } else {
        high = middle;
        high_common = common;
      }
    }
    Match best;
    for (const std::size_t place : {low - 1, low}) {
      if (place < begin || place >= end) continue;
      const auto source = static_cast<std::size_t>(order_[place]);
      if (const std::size_t common = common_prefix(text_.subspan(source), wanted); common > best.size_bytes) best = {source, common};
    }
    return best;
  }

 private:
  static std::size_t bucket(ByteView text) { return std::to_integer<std::size_t>(text[0]) << 8 | std::to_integer<std::size_t>(text[1]); }
  std::size_t size_of(std::size_t in) const {
    const std::size_t last = std::to_integer<std::size_t>(text_.back()) << 8;
    return first_[in + 1] - first_[in] - (in + 1 == last ? 1U : 0U);
  }
  ByteView text_;
  std::vector<saidx_t> order_;
  std::vector<std::uint32_t> first_;  // of each bucket of two bytes: where it begins in order_
};

// Percival's scan, in his order: `distance` is that of the last cover.
class NearScan {
 public:
  NearScan(ByteView source, ByteView target, const Pace& pace)
      : source_(source), target_(target), pace_(pace), suffixes_(source), filter_(source) {}

  Covers run() {
    while (scan_ < target_.size()) {
      find();
      if (match_.size_bytes != kept_ || scan_ == target_.size()) close();
    }
    return std::move(covers_);
  }

 private:
  bool same_at_distance(std::size_t at) const {
    const std::size_t from = at + last_source_ - last_target_;  // may wrap, and is then too large
    return from < source_.size() && source_[from] == target_[at];
  }

  // Moves scan_ to the next place where a match is as good as that of the present distance, or clearly better.
  void find() {
    kept_ = 0;
    scan_ += match_.size_bytes;
    std::size_t counted = scan_;
    for (; scan_ < target_.size(); ++scan_) {
      tell();
      match_ = at_distance();
      if (match_.size_bytes < kGoodEnough && may_be_near()) {
        const Match longest = suffixes_.longest(target_.subspan(scan_));
        if (longest.size_bytes > match_.size_bytes) match_ = longest;
      }
      for (; counted < scan_ + match_.size_bytes; ++counted) kept_ += same_at_distance(counted) ? 1U : 0U;
      if ((match_.size_bytes == kept_ && match_.size_bytes != 0) || match_.size_bytes > kept_ + kBetterBy) return;
      kept_ -= same_at_distance(scan_) ? 1U : 0U;
    }
    match_.size_bytes = 0;
  }

  bool may_be_near() const {
    if (target_.size() - scan_ < Filter::kBytes) return false;
    if (target_.size() - scan_ >= Filter::kBytes + kAhead) filter_.fetch(target_.subspan(scan_ + kAhead));
    return filter_.may_have(target_.subspan(scan_));
  }

  // What goes on at the distance of the last cover, which spares a search.
  Match at_distance() const {
    const std::size_t from = scan_ + last_source_ - last_target_;
    if (from >= source_.size()) return {};
    return {from, common_prefix(source_.subspan(from), target_.subspan(scan_))};
  }

  // How far the last cover goes on from its start, at most to `limit`.
  std::size_t extent_forward(std::size_t limit) const {
    std::size_t best = 0;
    std::ptrdiff_t score = 0;
    std::ptrdiff_t best_score = 0;
    for (std::size_t i = 0; last_target_ + i < limit && last_source_ + i < source_.size();) {
      if (source_[last_source_ + i] == target_[last_target_ + i]) ++score;
      ++i;
      if (score * 2 - static_cast<std::ptrdiff_t>(i) > best_score * 2 - static_cast<std::ptrdiff_t>(best)) {
        best_score = score;
        best = i;
      }
    }
    return best;
  }

  // How far the new match goes back.
  std::size_t extent_backward() const {
    if (scan_ == target_.size()) return 0;
    std::size_t best = 0;
    std::ptrdiff_t score = 0;
    std::ptrdiff_t best_score = 0;
    for (std::size_t i = 1; scan_ >= last_target_ + i && match_.source >= i; ++i) {
      if (source_[match_.source - i] == target_[scan_ - i]) ++score;
      if (score * 2 - static_cast<std::ptrdiff_t>(i) > best_score * 2 - static_cast<std::ptrdiff_t>(best)) {
        best_score = score;
        best = i;
      }
    }
    return best;
  }

  // Where the last cover and the new one claim the same bytes: how many of them the last one keeps.
  std::size_t share(std::size_t forward, std::size_t backward, std::size_t overlap) const {
    std::ptrdiff_t score = 0;
    std::ptrdiff_t best_score = 0;
    std::size_t best = 0;
    for (std::size_t i = 0; i < overlap; ++i) {
      if (target_[last_target_ + forward - overlap + i] == source_[last_source_ + forward - overlap + i]) ++score;
      if (target_[scan_ - backward + i] == source_[match_.source - backward + i]) --score;
      if (score > best_score) {
        best_score = score;
        best = i + 1;
      }
    }
    return best;
  }

  void close() {
    std::size_t forward = extent_forward(scan_);
    std::size_t backward = extent_backward();
    if (last_target_ + forward > scan_ - backward) {
      const std::size_t overlap = last_target_ + forward - (scan_ - backward);
      const std::size_t kept = share(forward, backward, overlap);
      forward = forward - overlap + kept;
      backward -= kept;
    }
    if (forward > 0) covers_.push_back({last_target_, last_source_, forward});
    last_target_ = scan_ - backward;
    last_source_ = match_.source - backward;
  }

  void tell() {
    if (pace_ && scan_ / kSuffixPaceBytes != told_) pace_(scan_);
    told_ = scan_ / kSuffixPaceBytes;
  }

  ByteView source_;
  ByteView target_;
  const Pace& pace_;
  const SuffixArray suffixes_;
  const Filter filter_;
  std::size_t scan_ = 0;
  Match match_;
  std::size_t kept_ = 0;  // bytes of the match that the present distance gives, too
  std::size_t last_target_ = 0;
  std::size_t last_source_ = 0;
  std::size_t told_ = 0;
  Covers covers_;
};

}  // namespace

Covers match_nearly(ByteView source, ByteView target, const Pace& pace) { return NearScan(source, target, pace).run(); }

}  // namespace aloft::delta
