// What becomes of each compressed block of the new image.
#pragma once

#include <map>
#include <unordered_map>

#include "delta/make/expanded.hpp"

namespace aloft::delta {

enum class BlockFate : std::uint8_t {
  copied,  // the old image has it as it is
  remade,  // from its content, by one of the codings
  stored,  // it travels as it is: nothing here makes it again
};

struct BlockDecision {
  BlockFate fate = BlockFate::stored;
  std::uint64_t source_offset = 0;  // copied: where
  std::uint64_t coding = 0;         // remade: by which
  std::uint64_t ahead_bytes = 0;    // remade in pieces: bytes behind its content that are looked at
};

struct BlockPlan {
  std::vector<BlockCoding> codings;  // those that make blocks, then one for the old image's blocks
  // Number of that; of streams by their compressor, which has one each.
  std::map<Compressor, std::uint64_t> old_codings;
  std::vector<BlockDecision> decisions;  // one per segment of the new image, also for those that are no blocks
  std::uint64_t copied = 0;
  std::uint64_t remade = 0;
  std::uint64_t stored = 0;
};

// Every block that the old image does not have is packed again with each candidate until one gives the same bytes. Memory: 16 bytes per
// block of the old image, and a compressor's context per thread.
BlockPlan plan_blocks(const Expanded& source, const Layout& source_layout, const Expanded& target, const Layout& target_layout,
                      unsigned threads);

// The same for streams: what becomes of each cut is known. `cuts` are those that `target` has been made with.
BlockPlan plan_streams(const Layout& source_layout, const Expanded& target, const Layout& target_layout,
                       const std::vector<StreamCuts>& cuts);

}  // namespace aloft::delta
