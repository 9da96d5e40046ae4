// The operations of one frame, from the covers of an image pair.
#pragma once

#include <map>

#include "delta/difference_model.hpp"
#include "delta/make/block_plan.hpp"
#include "delta/make/cover.hpp"
#include "delta/record.hpp"

namespace aloft::delta {

// What a frame is made from, the same for all frames of an image. Covers are of the expanded images.
struct PairView {
  const Expanded& source;
  const Expanded& target;
  const BlockPlan& blocks;
  const Covers& covers;
  Processor processor = Processor::x86;
};

// What an `add` is made of: as long in the one as in the other.
struct AddRun {
  std::uint64_t source;  // in the expanded images
  std::uint64_t target;
  std::uint64_t size_bytes;
  RunPlace place;  // as who reads the record has it
};

// One per thread.
class FrameOps {
 public:
  FrameOps(const PairView& pair, std::uint64_t frame_bytes) : pair_(pair), frame_bytes_(frame_bytes) {}
  // How a frame's first bytes come, when it begins within a block that is remade: from the frame that the block begins in, or as they are.
  enum class Start : std::uint8_t { carried, afresh };
  // Covers of less than min_unpack_bytes are not worth that a block of the old image is unpacked for them.
  void make(std::uint64_t offset, std::uint64_t end, Start start, std::uint64_t min_unpack_bytes);
  // All of it as it is.
  void make_plain(std::uint64_t offset, std::uint64_t end);
  // How many frames before this one the block begins that the frame goes on with; 0: none.
  std::uint64_t back() const { return back_; }
  const std::vector<Op>& ops() const { return ops_; }
  const Bytes& differences() const { return differences_; }
  const std::vector<AddRun>& runs() const { return runs_; }  // of all `add`, in order
  const Bytes& fresh() const { return fresh_; }

 private:
  void clear();
  void add_remade(const Segment& segment, const BlockDecision& decision);
  std::uint64_t enter(const Segment& segment, const BlockDecision& decision);
  void add_segment(const Segment& segment, std::uint64_t offset, std::uint64_t end, Start start);
  void add_content(std::uint64_t place, std::uint64_t end);
  void add_cover(std::uint64_t target, std::uint64_t source, std::uint64_t end);
  void add_fresh(ByteView bytes);
  void put_source(OpKind kind, std::uint64_t target, std::uint64_t end, std::uint64_t source);
  void put_fresh(ByteView bytes);
  bool is_worth(std::uint64_t source, std::uint64_t size_bytes) const;
  bool is_worth_in_stream(const Segment& segment, std::uint64_t source, std::uint64_t size_bytes) const;
  void spend(const Segment& segment, std::uint64_t source, std::uint64_t size_bytes);
  void keep(const Segment& segment);
  std::uint64_t new_place(std::uint64_t target) const;
  std::uint64_t place_in_record(const Segment& segment, std::uint64_t place);

  const PairView& pair_;
  const std::uint64_t frame_bytes_;
  std::vector<Op> ops_;
  Bytes differences_;
  Bytes fresh_;
  std::vector<AddRun> runs_;
  std::uint64_t blocks_end_ = 0;                                // of the contents of all blocks so far
  std::uint64_t block_bytes_ = 0;                               // that they take of the record's limit
  std::size_t block_ops_ = 0;                                   // operations up to the end of the last block that was made
  bool in_block_ = false;                                       // a block's content is being made
  std::uint64_t inside_ = 0;                                    // where that begins, less its place
  const Segment* piece_ = nullptr;                              // the last thing that was made
  std::vector<std::pair<std::uint64_t, std::uint64_t>> parts_;  // offset of each block that is named, and where its content lies
  std::uint64_t parts_end_ = 0;
  std::uint64_t back_ = 0;
  std::uint64_t min_unpack_bytes_ = 0;
  std::vector<const Segment*> kept_;  // what OldParts has unpacked when it has come this far
  std::map<const Segment*, StreamCost> streams_;
  std::uint64_t unpack_left_ = 0;
  RecordLimits limits_{};
};

}  // namespace aloft::delta
