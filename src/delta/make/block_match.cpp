#include "delta/make/block_match.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace aloft::delta {
namespace {

constexpr std::size_t kBlock = kMatchBlockBytes;
constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15;  // odd: the hash is a polynomial in it, modulo 2^64
constexpr std::uint64_t kMinCoverBytes = 2048;
constexpr std::uint64_t kBlockPaceBytes = 32ULL << 20;
constexpr std::size_t kBlockPaceBlocks = kBlockPaceBytes / kBlock;

std::uint64_t value_of(std::byte byte) { return std::to_integer<std::uint64_t>(byte) + 1; }

constexpr std::uint64_t power(std::uint64_t base, std::size_t exponent) {
  std::uint64_t result = 1;
  for (std::size_t i = 0; i < exponent; ++i) result *= base;
  return result;
}
constexpr std::uint64_t kLeaving = power(kMultiplier, kBlock);

std::uint64_t hash_of(ByteView block) {
  std::uint64_t hash = 0;
  for (const std::byte byte : block) hash = hash * kMultiplier + value_of(byte);
  return hash;
}

bool is_uniform(ByteView block) { return std::memcmp(block.data(), block.data() + 1, block.size() - 1) == 0; }

std::uint64_t mix(std::uint64_t hash) { return (hash ^ (hash >> 29)) * kMultiplier; }

// Where in the old image a block with a hash lies; the first one, where there are several.
class Index {
 public:
  Index(ByteView source, const Pace& pace) {
    const std::size_t blocks = source.size() / kBlock;
    const std::size_t slots = std::bit_ceil(blocks * 2 + 1);
    entries_.resize(slots);
    shift_ = 64U - static_cast<unsigned>(std::countr_zero(slots));
    seen_.resize(slots / 8 + 1);  // 8 bits for each slot: most bytes of the new image are turned away here
    for (std::size_t block = 0; block < blocks; ++block) {
      const ByteView bytes = source.subspan(block * kBlock, kBlock);
      if (!is_uniform(bytes)) add(hash_of(bytes), block + 1);
      if (block % kBlockPaceBlocks == 0 && pace) pace(0);
    }
  }

  // 0: none; else the block's number, counted from 1.
  std::uint64_t find(std::uint64_t hash) const {
    const std::uint64_t mixed = mix(hash);
    if ((seen_[seen_word(mixed)] >> (mixed & 63) & 1) == 0) return 0;
    for (std::size_t slot = mixed >> shift_;; slot = slot + 1 == entries_.size() ? 0 : slot + 1) {
      if (entries_[slot].block == 0 || entries_[slot].hash == hash) return entries_[slot].block;
    }
  }

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::uint64_t block = 0;
  };
  std::size_t seen_word(std::uint64_t mixed) const { return (mixed >> 6) % seen_.size(); }
  void add(std::uint64_t hash, std::uint64_t block) {
    const std::uint64_t mixed = mix(hash);
    seen_[seen_word(mixed)] |= std::uint64_t{1} << (mixed & 63);
    std::size_t slot = mixed >> shift_;
    while (entries_[slot].block != 0 && entries_[slot].hash != hash) slot = slot + 1 == entries_.size() ? 0 : slot + 1;
    if (entries_[slot].block == 0) entries_[slot] = {hash, block};
  }
  std::vector<Entry> entries_;
  std::vector<std::uint64_t> seen_;
  unsigned shift_ = 0;
};

class Scan {
 public:
  Scan(ByteView source, ByteView target, const Pace& pace) : source_(source), target_(target), pace_(pace), index_(source, pace) {}

  Covers run() {
    std::size_t at = 0;
    while (at + kBlock <= target_.size()) {
      if (is_uniform(target_.subspan(at, kBlock))) {
        at = skip_uniform(at);
        continue;
      }
      at = roll(at);
    }
    return std::move(covers_);
  }

 private:
  std::size_t skip_uniform(std::size_t at) const {
    const std::byte byte = target_[at];
    at += kBlock;
    while (at < target_.size() && target_[at] == byte) ++at;
    return at - std::min(at, kBlock - 1);  // a block may begin within the run and end behind it
  }

  // From `at` to behind the next match, or to a uniform block.
  std::size_t roll(std::size_t at) {
    std::uint64_t hash = hash_of(target_.subspan(at, kBlock));
    for (;;) {
      if (const std::uint64_t block = index_.find(hash); block != 0) {
        if (const std::size_t end = take(at, (block - 1) * kBlock); end != 0) return end;
      }
      if (at + kBlock >= target_.size()) return target_.size();
      hash = hash * kMultiplier + value_of(target_[at + kBlock]) - value_of(target_[at]) * kLeaving;
      ++at;
      if (at % kBlockPaceBytes == 0 && pace_) pace_(at);
      if (at % kBlock == 0 && is_uniform(target_.subspan(at, kBlock))) return at;
    }
  }

  // The match of the two places, extended; where it ends, or 0 if it is none or too short.
  std::size_t take(std::size_t target, std::size_t source) {
    const std::size_t least = covers_.empty() ? 0 : static_cast<std::size_t>(covers_.back().target_end());
    const std::size_t most = std::min(target_.size() - target, source_.size() - source);
    std::size_t size = 0;
    while (size < most && target_[target + size] == source_[source + size]) ++size;
    if (size < kBlock) return 0;
    while (target > least && source > 0 && target_[target - 1] == source_[source - 1]) {
      --target;
      --source;
      ++size;
    }
    if (size < kMinCoverBytes) return 0;
    covers_.push_back({target, source, size});
    if (pace_ && target / kBlockPaceBytes != (target + size) / kBlockPaceBytes) pace_(target + size);
    return target + size;
  }

  ByteView source_;
  ByteView target_;
  const Pace& pace_;
  const Index index_;
  Covers covers_;
};

}  // namespace

Covers match_blocks(ByteView source, ByteView target, const Pace& pace) { return Scan(source, target, pace).run(); }

}  // namespace aloft::delta
