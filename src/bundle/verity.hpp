// The hash tree of dm-verity (Linux, Documentation/admin-guide/device-mapper/verity.rst; superblock of cryptsetup), behind an image's data.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "base/result.hpp"
#include "crypto/sha256.hpp"

namespace aloft::bundle {

inline constexpr std::uint64_t kVerityBlockBytes = 4096;
using VeritySalt = std::array<std::byte, 32>;

// How an image of `data_bytes` of content is protected: behind them stand a superblock and the tree, as `veritysetup
// --hash-offset=data_bytes` has them: version 1, SHA-256, blocks of 4096 bytes.
struct Verity {
  std::uint64_t data_bytes = 0;  // a multiple of 4096, at least one block
  crypto::Digest root{};
  VeritySalt salt{};
  bool operator==(const Verity&) const = default;
};

// Bytes of superblock and tree for so much data.
std::uint64_t verity_area_bytes(std::uint64_t data_bytes);

// Fills the buffer with the content at that offset.
using ReadContent = std::function<Result<>(std::uint64_t offset, MutableByteView buffer)>;

// Reads the data once. `area` gets superblock and tree. Memory: the tree, a 127th of the data.
Result<Verity> build_verity(const ReadContent& read, std::uint64_t data_bytes, const VeritySalt& salt, Bytes& area);

// Reads all of an image, data and tree, and compares: kVerityTree where the tree is not that of the data, or its root another. Memory: a
// block for each level.
Result<> check_verity(const ReadContent& read, const Verity& verity);

}  // namespace aloft::bundle
