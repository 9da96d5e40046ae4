// Where blocks of 4 KiB stand in slots, by their names. Hints: whoever uses a block checks what comes of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/byte_source.hpp"
#include "bundle/blocks.hpp"

namespace aloft::agent {

using bundle::BlockName;
inline constexpr std::size_t kBlock = bundle::kBlockBytes;  // of memory

// Of 4 KiB of zeros.
BlockName zero_block_name();

// The names of all whole blocks of the source, in order. Memory: 8 bytes for each. Errors: the source's; kCancelled when `stop` says so.
Result<std::vector<BlockName>> name_blocks(ByteSource& source, const std::function<bool()>& stop);

// A block that stands between a source's blocks: from a byte on that need not be a multiple of 4096.
struct ShiftedBlock {
  BlockName name;
  std::uint64_t offset_bytes;
};

// Those of `wanted` that stand anywhere in the source, each once, as long as that costs no more than reading it and a few digests for each
// wanted block. Memory: 9 bytes for each wanted block and 1.2 MiB. Errors: the source's; kCancelled when `stop` says so.
// After A. Tridgell, "Efficient Algorithms for Sorting and Synchronization" (1999), chapter 3.
Result<std::vector<ShiftedBlock>> find_shifted(ByteSource& source, std::vector<BlockName> wanted, const std::function<bool()>& stop);

class BlockIndex {
 public:
  struct Place {
    std::uint32_t slot;
    std::uint64_t offset_bytes;
    bool operator==(const Place&) const = default;
  };
  // Zeros are left out. Memory: 16 bytes for each block.
  void add(std::uint32_t slot, const std::vector<BlockName>& names);
  // After the last add.
  void seal();
  // After seal(): what find() did not find. Memory: about 64 bytes for each.
  void add_shifted(std::uint32_t slot, std::span<const ShiftedBlock> blocks);
  // One place of a block, of several the one right behind `after` if that is among them, so that runs stay together.
  std::optional<Place> find(BlockName name, std::optional<Place> after = {}) const;
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    BlockName name;
    std::uint32_t slot;
    std::uint32_t block;
    Place place() const { return {slot, std::uint64_t{block} * bundle::kBlockBytes}; }
  };
  std::vector<Entry> entries_;
  std::map<BlockName, Place> shifted_;
};

// Names of a slot's blocks, kept so that it is not hashed again.
class SlotMemory {
 public:
  explicit SlotMemory(std::filesystem::path folder) : folder_(std::move(folder)) {}
  // None where nothing whole is kept.
  std::optional<std::vector<BlockName>> recall(const std::string& slot) const;
  Result<> keep(const std::string& slot, const std::vector<BlockName>& names) const;
  // Before the slot is written: durable on return. What could not be forgotten names blocks that are no longer there, which costs bytes
  // only.
  Result<> forget(const std::string& slot) const;

 private:
  std::filesystem::path file_of(const std::string& slot) const;
  std::filesystem::path folder_;
};

}  // namespace aloft::agent
