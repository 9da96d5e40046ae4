// An image's frames from blocks that slots have already, wherever they stand there.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "agent/block_index.hpp"
#include "bundle/reader.hpp"
#include "storage/installer.hpp"

namespace aloft::agent {

// The names of an image's blocks as its bundle says; of frames of zeros, which are not asked for, those of zeros. The digests come without
// a check: a wrong one makes a wrong frame, which is noticed. file: of the whole bundle. Memory: 8 bytes for each block. Errors: the
// file's, kTruncated.
Result<std::vector<BlockName>> fetch_block_names(const bundle::Reader& reader, std::size_t image, ByteSource& file);
// Bytes that this would fetch.
std::uint64_t block_names_bytes(const bundle::Image& image);

class ReuseFrames final : public storage::FrameMaker {
 public:
  // The image outlives this. The slots are read only.
  ReuseFrames(const bundle::Image& image, std::vector<BlockName> wanted, BlockIndex index, std::vector<std::unique_ptr<ByteSource>> slots);
  // Stored bytes of the frames that lack a block.
  std::uint64_t missing_bytes() const { return missing_bytes_; }
  // Those frames from `from` on, in runs that are as long as they can be: the first, and that behind the last.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> missing_runs(std::uint64_t from) const;

  // Errors: none; a slot that cannot be read is one without the block.
  Result<bool> make(std::uint64_t frame, MutableByteView content) override;
  void checked(bool right) override;

 private:
  std::uint64_t blocks_per_frame() const { return image_.frame_size_bytes / bundle::kBlockBytes; }
  bool has_all(std::uint64_t frame) const;
  bool copy_run(std::size_t first, std::size_t& next, std::size_t end, MutableByteView content, std::optional<BlockIndex::Place>& last);
  const bundle::Image& image_;
  const std::vector<BlockName> wanted_;
  const BlockIndex index_;
  const std::vector<std::unique_ptr<ByteSource>> slots_;
  std::vector<bool> had_;  // of each frame, whether all its blocks are here
  std::uint64_t missing_bytes_ = 0;
  unsigned wrong_ = 0;  // in a row
};

}  // namespace aloft::agent
