// An image's frames from blocks that slots have already, wherever they stand there, and single blocks of the bundle for the rest.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "agent/block_index.hpp"
#include "bundle/reader.hpp"
#include "delta/rebuilder.hpp"
#include "storage/installer.hpp"

namespace aloft::agent {

// The image's section of blocks, checked against the manifest. file: of the whole bundle, of which nothing beyond the section is asked
// for. Errors: the file's, kTruncated, kBlocksDigest, kBadBlocks.
Result<bundle::BlockTable> fetch_blocks(const bundle::Reader& reader, std::size_t image, ByteSource& file);

class ReuseFrames final : public storage::FrameMaker {
 public:
  // As Rebuilder::fill: nobody has signed for single blocks as they are stored, so the agent itself unpacks none.
  using Fill = std::function<Result<>(MutableByteView content, std::span<const delta::Gap> gaps)>;
  // Of one image. Reader and file, which is of the whole bundle, outlive this. The slots are read only.
  ReuseFrames(const bundle::Reader& reader, std::size_t image, ByteSource& file, bundle::BlockTable wanted, BlockIndex index,
              std::vector<std::unique_ptr<ByteSource>> slots, Fill fill);
  // Looks for missing blocks between the slots' blocks, when so much is missing that reading the slots once more is worth it. A slot that
  // cannot be read has none. Before the first make(). Errors: kCancelled when `stop` says so.
  Result<> find_shifted(const std::function<bool()>& stop);
  // To be fetched of the bundle for blocks that no slot has.
  std::uint64_t missing_bytes() const { return missing_bytes_; }
  // Where these are in the file, of the frames from `from` on. Runs that are less than a request apart are one.
  std::vector<ByteRun> missing_runs(std::uint64_t from) const;

  // A slot that cannot be read is one without the block. False also for every frame that lacks a block once one could not be unpacked.
  // Errors: the file's.
  Result<bool> make(std::uint64_t frame, MutableByteView content) override;
  void checked(bool right) override;

 private:
  struct Range;
  void count_missing();
  std::vector<BlockName> missing_names() const;
  bool is_missing(std::uint64_t frame, std::size_t block) const;
  std::vector<Range> ranges_of(std::uint64_t frame) const;
  bool copy_present(std::uint64_t frame, MutableByteView content);
  bool copy_run(std::uint64_t frame, std::size_t first, std::size_t& next, MutableByteView content, std::optional<BlockIndex::Place>& last);
  Result<bool> fetch_missing(std::uint64_t frame, MutableByteView content);
  const bundle::Reader& reader_;
  const std::size_t image_index_;
  const bundle::Image& image_;
  ByteSource& file_;
  const bundle::BlockTable wanted_;
  BlockIndex index_;
  const std::vector<std::unique_ptr<ByteSource>> slots_;
  const Fill fill_;
  std::uint64_t missing_bytes_ = 0;
  bool whole_frames_ = false;  // come from the bundle where a block is missing
  unsigned wrong_ = 0;         // in a row
};

}  // namespace aloft::agent
