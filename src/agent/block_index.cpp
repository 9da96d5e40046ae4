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
#include "crypto/sha256_each.hpp"

namespace aloft::agent {
namespace {

constexpr std::size_t kBlock = bundle::kBlockBytes;
constexpr std::size_t kReadBlocks = 256;
constexpr std::string_view kMagic = "ALBLKS1\n";
constexpr std::size_t kNameBytes = sizeof(BlockName);
constexpr std::size_t kDigestBytes = 32;
constexpr std::uint64_t kMaxKeptBytes = 64ULL << 20;  // of a slot of 32 GiB

}  // namespace

BlockName zero_block_name() {
  static const BlockName name = bundle::block_name(crypto::sha256(Bytes(kBlock)));
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
    for (std::size_t block = 0; block < blocks.size(); ++block) names.push_back(bundle::block_name(digests[block]));
    if (count < buffer.size()) return names;
  }
}

void BlockIndex::add(std::uint32_t slot, const std::vector<BlockName>& names) {
  entries_.reserve(entries_.size() + names.size());
  for (std::size_t block = 0; block < names.size(); ++block)
    if (names[block] != zero_block_name()) entries_.push_back({names[block], {slot, static_cast<std::uint32_t>(block)}});
}

void BlockIndex::seal() {
  const auto order = [](const Entry& one, const Entry& other) {
    return std::tie(one.name, one.place.slot, one.place.block) < std::tie(other.name, other.place.slot, other.place.block);
  };
  std::ranges::sort(entries_, order);
}

std::optional<BlockIndex::Place> BlockIndex::find(BlockName name, std::optional<Place> after) const {
  const auto range = std::ranges::equal_range(entries_, name, {}, &Entry::name);
  if (range.empty()) return std::nullopt;
  if (after) {
    const std::pair next(after->slot, after->block + 1);
    const auto found =
        std::ranges::lower_bound(range, next, {}, [](const Entry& entry) { return std::pair(entry.place.slot, entry.place.block); });
    if (found != range.end() && std::pair(found->place.slot, found->place.block) == next) return found->place;
  }
  return range.begin()->place;
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
