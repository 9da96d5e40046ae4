#include "delta/make/erofs_clusters.hpp"

#include <algorithm>

#include "delta/errors.hpp"

namespace aloft::delta {
namespace {

constexpr std::uint64_t kHeaderBytes = 8;
constexpr std::uint64_t kLegacyPadding = 8;
constexpr std::uint64_t kLegacyEntryBytes = 8;
constexpr std::uint64_t kPackAlignment = 32;  // of packs of 16 entries of two bytes
constexpr unsigned kPlacementBits = 12;       // a cluster's first byte in its block of content
constexpr unsigned kCountBit = 0x800;         // the entry has the cluster's number of blocks instead of a distance
constexpr unsigned kLz4 = 0;

// Of the header's advice.
enum Advice : unsigned { small_packs = 1, several_blocks = 2, tail_within = 8, tail_elsewhere = 0x20 };
// What a block of content has.
enum Kind : unsigned { plain, head, middle };

struct Entry {
  unsigned kind;
  unsigned value;  // of a cluster that begins there, its first byte in the block; else a distance, or kCountBit and a count
};

class Map {
 public:
  Map(ByteView image, std::uint64_t file_bytes) : image_(image), file_bytes_(file_bytes) {}

  Result<std::vector<ErofsCluster>> read(std::uint64_t offset, bool compact) {
    const ByteView header = TRY(at(offset, kHeaderBytes));
    const unsigned algorithms = std::to_integer<unsigned>(header[6]);
    const unsigned bits = std::to_integer<unsigned>(header[7]);
    advice_ = low16(header.subspan(4));
    if ((bits & 0x80) != 0) return clusters_;  // all of it lies with other files' tails
    if (bits != 0) return bad_erofs("has blocks of content that are not of 4 KiB");
    if ((algorithms & 15) != kLz4) return clusters_;
    const std::uint64_t count = (file_bytes_ + kErofsBlockBytes - 1) / kErofsBlockBytes;
    if (count > image_.size()) return bad_erofs("has a file that is larger than it can be");
    TRY(compact ? packs(offset + kHeaderBytes, count) : entries(offset + kHeaderBytes + kLegacyPadding, count));
    if (!clusters_.empty()) clusters_.back().end = file_bytes_;
    if (!clusters_.empty() && (advice_ & (tail_within | tail_elsewhere)) != 0) clusters_.pop_back();
    const auto in_order = [](const ErofsCluster& cluster) { return cluster.begin < cluster.end; };
    if (!std::ranges::all_of(clusters_, in_order)) return bad_erofs("has a file whose clusters are in no order");
    return std::move(clusters_);
  }

 private:
  Result<ByteView> at(std::uint64_t offset, std::uint64_t size) const {
    if (offset > image_.size() || size > image_.size() - offset) return bad_erofs("ends within a file's map");
    return image_.subspan(offset, size);
  }

  void begin_cluster(std::uint64_t number, const Entry& entry, std::uint64_t block) {
    const std::uint64_t begin = number * kErofsBlockBytes + entry.value;
    if (begin >= file_bytes_) return;  // a last entry may say only where the content ends
    if (!clusters_.empty()) clusters_.back().end = begin;
    clusters_.push_back({.begin = begin, .end = begin, .first_block = block, .blocks = 1, .is_packed = entry.kind == head});
  }

  Result<> entries(std::uint64_t offset, std::uint64_t count) {
    const ByteView all = TRY(at(offset, count * kLegacyEntryBytes));
    for (std::uint64_t i = 0; i < count; ++i) {
      const ByteView one = all.subspan(i * kLegacyEntryBytes);
      const unsigned kind = low16(one) & 3;
      if (kind > middle) return bad_erofs("has a cluster of a kind that is not known");
      if (kind != middle) {
        begin_cluster(i, {kind, low16(one.subspan(2)) & (kCountBit * 2 - 1)}, load_le32(one.subspan(4)));
      } else if (const unsigned value = low16(one.subspan(4)); (value & kCountBit) != 0 && !clusters_.empty()) {
        clusters_.back().blocks = value & ~kCountBit;
      }
    }
    return {};
  }

  // Entries of four bytes up to where packs of sixteen are aligned, then these, with two bytes for each, then again of four.
  Result<> packs(std::uint64_t offset, std::uint64_t count) {
    std::uint64_t first = (kPackAlignment - offset % kPackAlignment) % kPackAlignment / 4;
    std::uint64_t small = 0;
    if ((advice_ & small_packs) != 0 && first < count) {
      small = (count - first) / 16 * 16;
    } else {
      first = 0;
    }
    std::uint64_t number = 0;
    while (number < count) {
      const bool is_small = number >= first && number < first + small;
      const std::uint64_t size = is_small ? 32 : 8;
      TRY(pack(TRY(at(offset, size)), is_small ? 16 : 2, number, count));
      offset += size;
      number += is_small ? 16 : 2;
    }
    return {};
  }

  // The block of a pack's first cluster stands at its end.
  Result<> pack(ByteView bytes, unsigned entries, std::uint64_t number, std::uint64_t count) {
    const bool counted = (advice_ & several_blocks) != 0;
    const auto bits = static_cast<unsigned>((bytes.size() - 4) * 8 / entries);
    std::uint64_t block = std::uint64_t{load_le32(bytes.subspan(bytes.size() - 4))} + (counted ? 0 : 1);
    bool open = false;  // the last entry begins a cluster of which no count has come
    for (unsigned i = 0; i < entries && number + i < count; ++i) {
      const unsigned position = i * bits;
      const unsigned value = load_le32(bytes.subspan(position / 8)) >> (position & 7);
      const Entry entry{value >> kPlacementBits & 3, value & ((1U << kPlacementBits) - 1)};
      if (entry.kind > middle) return bad_erofs("has a cluster of a kind that is not known");
      const bool says_count = counted && entry.kind == middle && (entry.value & kCountBit) != 0;
      if (says_count) {
        if (!clusters_.empty()) clusters_.back().blocks = entry.value & ~kCountBit;
        block += entry.value & ~kCountBit;
        open = false;
      }
      if (entry.kind == middle) continue;
      if (open) ++block;
      begin_cluster(number + i, entry, block);
      open = true;
    }
    return {};
  }

  ByteView image_;
  std::uint64_t file_bytes_;
  unsigned advice_ = 0;
  std::vector<ErofsCluster> clusters_;
};

}  // namespace

std::unexpected<Error> bad_erofs(const char* what) { return fail(kCannotMake, std::string("the erofs image ") + what); }

Result<std::vector<ErofsCluster>> read_clusters(ByteView image, std::uint64_t offset, std::uint64_t file_bytes, bool compact) {
  return Map(image, file_bytes).read(offset, compact);
}

}  // namespace aloft::delta
