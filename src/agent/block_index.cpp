#include "agent/block_index.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <utility>

#include "agent/errors.hpp"
#include "base/errors.hpp"
#include "base/file.hpp"
#include "bundle/rolling_sum.hpp"
#include "crypto/sha256_each.hpp"

namespace aloft::agent {
namespace {

constexpr std::size_t kReadBlocks = 256;
constexpr std::string_view kMagic = "ALBLKS2\n";
constexpr std::size_t kNameBytes = sizeof(BlockName);
constexpr std::size_t kDigestBytes = 32;
constexpr std::uint64_t kMaxKeptBytes = 64ULL << 20;  // of a slot of 32 GiB

}  // namespace

BlockName zero_block_name() {
  static const BlockName name = bundle::block_name(Bytes(kBlock));
  return name;
}

Result<std::vector<BlockName>> name_blocks(ByteSource& source, const std::function<bool()>& stop) {
  std::vector<BlockName> names;
  Bytes buffer(kReadBlocks * kBlock);
  std::vector<crypto::Digest> digests(kReadBlocks);
  for (std::uint64_t at = 0;; at += buffer.size()) {
    if (stop()) return fail(kCancelled, "stopped on request");
    const std::size_t count = TRY(source.read_at(at, buffer));
    std::vector<ByteView> blocks;
    for (std::size_t block = 0; block + kBlock <= count; block += kBlock) blocks.push_back(ByteView(buffer).subspan(block, kBlock));
    crypto::sha256_each(blocks, digests);
    for (std::size_t block = 0; block < blocks.size(); ++block) names.push_back(bundle::block_name(blocks[block], digests[block]));
    if (count < buffer.size()) return names;
  }
}

namespace {

// Names by their rolling sums.
class WantedNames {
 public:
  explicit WantedNames(std::vector<BlockName> names) : names_(std::move(names)), digests_left_(kDigestsEach * names_.size()) {
    std::ranges::sort(names_, {}, bundle::rolling_sum_of);
    for (const BlockName name : names_) has_sum_[bundle::rolling_sum_of(name) >> kSumShift] = true;
    left_ = names_.size();
    found_.resize(left_);
  }
  // False nearly always where the answer would be.
  bool may_be(std::uint32_t sum) const { return has_sum_[sum >> kSumShift]; }
  // Whether no more can be found, or it would take too many digests.
  bool done() const { return left_ == 0 || digests_left_ == 0; }
  // The name, the first time that this block is seen.
  std::optional<BlockName> take(std::uint32_t sum, ByteView block) {
    std::optional<BlockName> name;
    const auto range = std::ranges::equal_range(names_, sum, {}, bundle::rolling_sum_of);
    for (auto at = range.begin(); at != range.end(); ++at) {
      const auto found = found_.begin() + (at - names_.begin());
      if (*found || digests_left_ == 0) continue;
      if (!name) {
        --digests_left_;
        name = bundle::block_name(block);
      }
      if (*at != *name) continue;
      *found = true;
      --left_;
      return name;
    }
    return std::nullopt;
  }

 private:
  static constexpr unsigned kSumShift = 12;
  static constexpr std::size_t kDigestsEach = 64;  // bounds what names cost that are made to look like many blocks
  std::vector<BlockName> names_;
  std::vector<bool> found_;
  std::vector<bool> has_sum_ = std::vector<bool>(std::size_t{1} << (32 - kSumShift));
  std::size_t left_ = 0;
  std::size_t digests_left_;
};

}  // namespace

Result<std::vector<ShiftedBlock>> find_shifted(ByteSource& source, std::vector<BlockName> names, const std::function<bool()>& stop) {
  WantedNames wanted(std::move(names));
  std::vector<ShiftedBlock> found;
  Bytes buffer(kBlock + kReadBlocks * kBlock);  // a window, and what comes behind it
  if (TRY(source.read_at(0, std::span(buffer).first(kBlock))) < kBlock) return found;
  bundle::RollingSum sum(ByteView(buffer).first(kBlock));
  for (std::uint64_t at = 0; !wanted.done();) {
    if (stop()) return fail(kCancelled, "stopped on request");
    const std::size_t count = TRY(source.read_at(at + kBlock, std::span(buffer).subspan(kBlock)));
    for (std::size_t i = 0; i < count; ++i) {
      sum.move(buffer[i], buffer[i + kBlock]);
      if (!wanted.may_be(sum.value())) continue;
      if (const auto name = wanted.take(sum.value(), ByteView(buffer).subspan(i + 1, kBlock))) found.push_back({*name, at + i + 1});
    }
    if (count < buffer.size() - kBlock) break;
    std::copy_n(buffer.end() - kBlock, kBlock, buffer.begin());
    at += count;
  }
  return found;
}

void BlockIndex::add(std::uint32_t slot, const std::vector<BlockName>& names) {
  entries_.reserve(entries_.size() + names.size());
  for (std::size_t block = 0; block < names.size(); ++block)
    if (names[block] != zero_block_name()) entries_.push_back({names[block], slot, static_cast<std::uint32_t>(block)});
}

void BlockIndex::seal() {
  const auto order = [](const Entry& one, const Entry& other) {
    return std::tie(one.name, one.slot, one.block) < std::tie(other.name, other.slot, other.block);
  };
  std::ranges::sort(entries_, order);
}

std::optional<BlockIndex::Place> BlockIndex::find(BlockName name, std::optional<Place> after) const {
  const auto range = std::ranges::equal_range(entries_, name, {}, &Entry::name);
  if (range.empty()) {
    const auto shifted = shifted_.find(name);
    return shifted == shifted_.end() ? std::nullopt : std::optional(shifted->second);
  }
  if (after) {
    const Place next{after->slot, after->offset_bytes + kBlock};
    const auto found = std::ranges::lower_bound(range, std::pair(next.slot, next.offset_bytes), {}, [](const Entry& entry) {
      return std::pair(entry.slot, std::uint64_t{entry.block} * kBlock);
    });
    if (found != range.end() && found->place() == next) return next;
  }
  return range.begin()->place();
}

void BlockIndex::add_shifted(std::uint32_t slot, std::span<const ShiftedBlock> blocks) {
  for (const ShiftedBlock& block : blocks) shifted_.try_emplace(block.name, Place{slot, block.offset_bytes});
}

std::filesystem::path SlotMemory::file_of(const std::string& slot) const { return folder_ / (slot + ".blocks"); }

std::optional<std::vector<BlockName>> SlotMemory::recall(const std::string& slot) const {
  const auto text = read_file(file_of(slot), kMaxKeptBytes);
  if (!text || text->size() < kMagic.size() + kDigestBytes || !text->starts_with(kMagic)) return std::nullopt;
  const ByteView names = as_bytes(*text).subspan(kMagic.size() + kDigestBytes);
  if (names.size() % kNameBytes != 0) return std::nullopt;
  if (!std::ranges::equal(crypto::sha256(names), as_bytes(*text).subspan(kMagic.size(), kDigestBytes))) return std::nullopt;
  std::vector<BlockName> found(names.size() / kNameBytes);
  for (std::size_t i = 0; i < found.size(); ++i) found[i] = load_le64(names.subspan(i * kNameBytes));
  return found;
}

Result<> SlotMemory::keep(const std::string& slot, const std::vector<BlockName>& names) const {
  if (names.size() * kNameBytes + kMagic.size() + kDigestBytes > kMaxKeptBytes) return {};
  std::error_code problem;
  std::filesystem::create_directories(folder_, problem);
  Bytes bytes(names.size() * kNameBytes);
  for (std::size_t i = 0; i < names.size(); ++i) store_le64(std::span(bytes).subspan(i * kNameBytes), names[i]);
  std::string text(kMagic);
  text += as_text(crypto::sha256(bytes));
  text += as_text(bytes);
  return replace_file(file_of(slot), text, 0600);
}

Result<> SlotMemory::forget(const std::string& slot) const {
  const std::filesystem::path file = file_of(slot);
  if (::unlink(file.c_str()) != 0) return errno == ENOENT ? Result<>() : Result<>(fail(system_error("cannot delete", file, errno)));
  const Fd folder = TRY(open_file(folder_, O_RDONLY | O_DIRECTORY));
  if (::fsync(folder.get()) != 0) return fail(system_error("cannot flush", folder_, errno));
  return {};
}

}  // namespace aloft::agent
