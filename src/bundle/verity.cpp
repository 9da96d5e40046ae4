#include "bundle/verity.hpp"

#include <algorithm>

#include "bundle/errors.hpp"

namespace aloft::bundle {
namespace {

using crypto::Digest;

constexpr std::size_t kBlock = kVerityBlockBytes;
constexpr std::uint64_t kDigestsPerBlock = kBlock / sizeof(Digest);
constexpr std::size_t kSaltAt = 88;
constexpr std::size_t kReadBlocks = 64;

template <typename Number>
void put(Bytes& bytes, std::size_t at, Number value) {
  for (std::size_t i = 0; i < sizeof(Number); ++i) bytes[at + i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i));
}

// Hash blocks of each level, the lowest first; none for a single block of data, whose digest is the root.
std::vector<std::uint64_t> levels_of(std::uint64_t data_bytes) {
  std::vector<std::uint64_t> levels;
  std::uint64_t below = data_bytes / kBlock;
  while (below > 1) {
    below = (below + kDigestsPerBlock - 1) / kDigestsPerBlock;
    levels.push_back(below);
  }
  return levels;
}

Digest salted(const VeritySalt& salt, ByteView block) {
  crypto::Sha256 hash;
  hash.update(salt);
  hash.update(block);
  return hash.finish();
}

// The first 512 bytes of the block behind the data. The id is made from the root, so that the same data give the same bytes.
Bytes superblock(const Verity& verity) {
  Bytes block(kBlock);
  std::ranges::copy(as_bytes(std::string_view("verity\0\0", 8)), block.begin());
  put<std::uint32_t>(block, 8, 1);   // version of the superblock
  put<std::uint32_t>(block, 12, 1);  // hash type: the salt stands before the block
  Digest id = crypto::sha256(verity.root);
  id[6] = (id[6] & std::byte{0x0f}) | std::byte{0x80};  // version 8 of RFC 9562: of our own making
  id[8] = (id[8] & std::byte{0x3f}) | std::byte{0x80};
  std::copy_n(id.begin(), 16, block.begin() + 16);
  std::ranges::copy(as_bytes(std::string_view("sha256")), block.begin() + 32);
  put<std::uint32_t>(block, 64, kBlock);
  put<std::uint32_t>(block, 68, kBlock);
  put<std::uint64_t>(block, 72, verity.data_bytes / kBlock);
  put<std::uint16_t>(block, 80, static_cast<std::uint16_t>(verity.salt.size()));
  std::ranges::copy(verity.salt, block.begin() + kSaltAt);
  return block;
}

// Takes digests of the level below and gives whole hash blocks away, each with its place in the area.
class TreeStream {
 public:
  using Take = std::function<Result<>(std::uint64_t offset, ByteView block)>;
  TreeStream(std::uint64_t data_bytes, const VeritySalt& salt, Take take) : salt_(salt), take_(std::move(take)) {
    std::uint64_t at = kBlock;  // behind the superblock, the highest level first
    const std::vector<std::uint64_t> sizes = levels_of(data_bytes);
    levels_.resize(sizes.size());
    for (std::size_t level = sizes.size(); level-- > 0;) {
      levels_[level].next = at;
      at += sizes[level] * kBlock;
    }
  }

  Result<> add(ByteView data_block) { return add_digest(0, salted(salt_, data_block)); }

  Result<Digest> finish() {
    for (std::size_t level = 0; level < levels_.size(); ++level) {
      if (!levels_[level].block.empty()) TRY(complete(level));
    }
    return root_;
  }

 private:
  struct Level {
    std::uint64_t next = 0;  // where its next block belongs
    Bytes block;
  };
  Result<> add_digest(std::size_t level, const Digest& digest) {
    if (level == levels_.size()) {
      root_ = digest;
      return {};
    }
    Bytes& block = levels_[level].block;
    block.insert(block.end(), digest.begin(), digest.end());
    return block.size() == kBlock ? complete(level) : Result<>();
  }
  Result<> complete(std::size_t level) {
    Bytes block = std::exchange(levels_[level].block, {});
    block.resize(kBlock);
    TRY(take_(levels_[level].next, block));
    levels_[level].next += kBlock;
    return add_digest(level + 1, salted(salt_, block));
  }
  const VeritySalt& salt_;
  const Take take_;
  std::vector<Level> levels_;
  Digest root_{};
};

Result<> feed_data(const ReadContent& read, std::uint64_t data_bytes, TreeStream& tree) {
  Bytes buffer(kReadBlocks * kBlock);
  for (std::uint64_t at = 0; at < data_bytes;) {
    const auto part = MutableByteView(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), data_bytes - at)));
    TRY(read(at, part));
    for (std::size_t block = 0; block < part.size(); block += kBlock) TRY(tree.add(part.subspan(block, kBlock)));
    at += part.size();
  }
  return {};
}

}  // namespace

std::uint64_t verity_area_bytes(std::uint64_t data_bytes) {
  std::uint64_t blocks = 1;
  for (const std::uint64_t level : levels_of(data_bytes)) blocks += level;
  return blocks * kBlock;
}

Result<Verity> build_verity(const ReadContent& read, std::uint64_t data_bytes, const VeritySalt& salt, Bytes& area) {
  area.assign(static_cast<std::size_t>(verity_area_bytes(data_bytes)), std::byte{0});
  TreeStream tree(data_bytes, salt, [&](std::uint64_t offset, ByteView block) -> Result<> {
    std::ranges::copy(block, area.begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  });
  TRY(feed_data(read, data_bytes, tree));
  const Verity verity{.data_bytes = data_bytes, .root = TRY(tree.finish()), .salt = salt};
  std::ranges::copy(superblock(verity), area.begin());
  return verity;
}

Result<> check_verity(const ReadContent& read, const Verity& verity) {
  const auto wrong = [](const std::string& what) {
    return fail(kVerityTree, "the image's " + what + " is not what its dm-verity root stands for; make the bundle again");
  };
  Bytes stored(kBlock);
  TRY(read(verity.data_bytes, stored));
  if (stored != superblock(verity)) return wrong("superblock");
  bool same = true;
  TreeStream tree(verity.data_bytes, verity.salt, [&](std::uint64_t offset, ByteView block) -> Result<> {
    TRY(read(verity.data_bytes + offset, stored));
    same = same && std::ranges::equal(stored, block);
    return {};
  });
  TRY(feed_data(read, verity.data_bytes, tree));
  if (TRY(tree.finish()) != verity.root || !same) return wrong("hash tree");
  return {};
}

}  // namespace aloft::bundle
