#include "delta/make/frame_ops.hpp"

#include <algorithm>

#include "delta/make/cuts_of.hpp"

namespace aloft::delta {
namespace {

constexpr std::uint64_t kMinCopyBytes = 256;  // equal bytes within a cover: a shorter run is cheaper as differences of zero
constexpr std::uint64_t kMinZeroBytes = 64;
constexpr std::uint64_t kMinUnpackedBytes = 48;   // the least of min_unpack_bytes
constexpr std::uint64_t kUnpackedPerByte = 4096;  // then a byte of a cover is worth that so much of a stream is unpacked

std::uint64_t run_of_equal(ByteView a, ByteView b) {
  std::uint64_t size = 0;
  while (size < a.size() && a[size] == b[size]) ++size;
  return size;
}

std::uint64_t run_of_zero(ByteView bytes) {
  std::uint64_t size = 0;
  while (size < bytes.size() && bytes[size] == std::byte{0}) ++size;
  return size;
}

}  // namespace

void FrameOps::clear() {
  ops_.clear();
  differences_.clear();
  fresh_.clear();
  runs_.clear();
  blocks_end_ = 0;
  parts_.clear();
  kept_.clear();
  block_bytes_ = 0;
  block_ops_ = 0;
  piece_ = nullptr;
  streams_.clear();
  parts_end_ = pair_.source.image().size();
  back_ = 0;
}

// As OldParts keeps what it has unpacked.
void FrameOps::keep(const Segment& segment) {
  const auto found = std::ranges::find(kept_, &segment);
  if (found != kept_.end()) {
    std::rotate(found, found + 1, kept_.end());
    return;
  }
  kept_.push_back(&segment);
  std::uint64_t bytes = 0;
  for (std::size_t i = kept_.size(); i-- > 0;) {
    bytes += kept_[i]->content_bytes;
    if (bytes <= kKeptPartBytes || i + 1 == kept_.size()) continue;
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    break;
  }
}

bool FrameOps::is_worth(std::uint64_t source, std::uint64_t size_bytes) const {
  const Segment& segment = pair_.source.at_place(source);
  if (segment.is_block && is_stream(segment.compressor)) return is_worth_in_stream(segment, source, size_bytes);
  return !segment.is_block || size_bytes >= min_unpack_bytes_ || std::ranges::find(kept_, &segment) != kept_.end();
}

bool FrameOps::is_worth_in_stream(const Segment& segment, std::uint64_t source, std::uint64_t size_bytes) const {
  const auto known = streams_.find(&segment);
  const StreamCost fresh;
  const StreamCost& cost = known == streams_.end() ? fresh : known->second;
  const std::uint64_t bytes = cost.of(source - segment.place, size_bytes);
  return bytes + StreamCost::kBackBytes <= unpack_left_ && bytes / kUnpackedPerByte <= size_bytes * kMinUnpackedBytes / min_unpack_bytes_;
}

void FrameOps::spend(const Segment& segment, std::uint64_t source, std::uint64_t size_bytes) {
  if (!is_stream(segment.compressor)) return;
  StreamCost& cost = streams_[&segment];
  const std::uint64_t bytes = cost.of(source - segment.place, size_bytes);
  unpack_left_ -= std::min(unpack_left_, bytes);
  cost.read(source - segment.place, size_bytes);
}

// Where the record finds the content of a block of the old image; the block is named when it is first needed.
std::uint64_t FrameOps::place_in_record(const Segment& segment, std::uint64_t place) {
  if (!is_stream(segment.compressor)) keep(segment);
  const auto named = std::ranges::find(parts_, segment.offset, &std::pair<std::uint64_t, std::uint64_t>::first);
  if (named != parts_.end()) return named->second + (place - segment.place);
  ops_.push_back(
      {OpKind::part, segment.content_bytes, segment.offset, segment.image_bytes, pair_.blocks.old_codings.at(segment.compressor)});
  parts_.emplace_back(segment.offset, parts_end_);
  parts_end_ += segment.content_bytes;
  return parts_.back().second + (place - segment.place);
}

// As RecordRun counts it.
std::uint64_t FrameOps::new_place(std::uint64_t target) const {
  if (in_block_) return target + inside_;
  const Segment& segment = pair_.target.at_place(target);
  return segment.offset + (target - segment.place);
}

// Cut where the old image goes on with another block, or with bytes that are in none.
void FrameOps::put_source(OpKind kind, std::uint64_t target, std::uint64_t end, std::uint64_t source) {
  for (std::uint64_t at = target; at < end;) {
    const std::uint64_t from = source + (at - target);
    const Segment& segment = pair_.source.at_place(from);
    const std::uint64_t to = std::min(end, at + (segment.place_end() - from));
    const std::uint64_t place = segment.is_block ? place_in_record(segment, from) : segment.offset + (from - segment.place);
    if (segment.is_block) spend(segment, from, to - at);
    ops_.push_back({kind, to - at, place});
    if (kind == OpKind::add) runs_.push_back({from, at, to - at, {.old_place = place, .new_place = new_place(at)}});
    at = to;
  }
  if (kind != OpKind::add) return;
  const ByteView old_bytes = pair_.source.bytes().subspan(source, end - target);
  const ByteView new_bytes = pair_.target.bytes().subspan(target, end - target);
  for (std::size_t i = 0; i < new_bytes.size(); ++i)
    differences_.push_back(static_cast<std::byte>(std::to_integer<unsigned>(new_bytes[i]) - std::to_integer<unsigned>(old_bytes[i])));
}

void FrameOps::put_fresh(ByteView bytes) {
  if (bytes.empty()) return;
  ops_.push_back({OpKind::fresh, bytes.size()});
  fresh_.insert(fresh_.end(), bytes.begin(), bytes.end());
}

void FrameOps::add_cover(std::uint64_t target, std::uint64_t source, std::uint64_t end) {
  const ByteView old_bytes = pair_.source.bytes();
  const ByteView new_bytes = pair_.target.bytes();
  std::uint64_t begin = target;  // of the differences under way
  for (std::uint64_t at = target; at < end;) {
    const std::uint64_t from = source + (at - target);
    const std::uint64_t equal = run_of_equal(new_bytes.subspan(at, end - at), old_bytes.subspan(from, end - at));
    if (equal >= kMinCopyBytes || (equal == end - at && begin == at && equal > 0)) {
      put_source(OpKind::add, begin, at, source + (begin - target));
      put_source(OpKind::copy, at, at + equal, from);
      begin = at + equal;
    }
    at += std::max<std::uint64_t>(equal, 1);
  }
  put_source(OpKind::add, begin, end, source + (begin - target));
}

void FrameOps::add_fresh(ByteView bytes) {
  std::size_t begin = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::uint64_t zeros = run_of_zero(bytes.subspan(at));
    if (zeros >= kMinZeroBytes) {
      put_fresh(bytes.subspan(begin, at - begin));
      ops_.push_back({OpKind::zero, zeros});
      begin = at + zeros;
    }
    at += std::max<std::uint64_t>(zeros, 1);
  }
  put_fresh(bytes.subspan(begin));
}

// What the covers have of the expanded target, and the rest afresh.
void FrameOps::add_content(std::uint64_t place, std::uint64_t end) {
  const auto& covers = pair_.covers;
  std::uint64_t at = place;
  auto cover = std::ranges::upper_bound(covers, place, {}, &Cover::target_end);
  for (; cover != covers.end() && cover->target < end; ++cover) {
    const std::uint64_t begin = std::max(cover->target, place);
    const std::uint64_t to = std::min(cover->target_end(), end);
    const std::uint64_t from = cover->source + (begin - cover->target);
    if (!is_worth(from, to - begin)) continue;
    add_fresh(pair_.target.bytes().subspan(at, begin - at));
    add_cover(begin, from, to);
    at = to;
  }
  add_fresh(pair_.target.bytes().subspan(at, end - at));
}

// As RecordRun has it when the block is entered; its content's size.
std::uint64_t FrameOps::enter(const Segment& segment, const BlockDecision& decision) {
  Op op{OpKind::block, segment.content_bytes, 0, segment.image_bytes, decision.coding};
  std::uint64_t begin = segment.place;
  if (segment.cut != nullptr && is_stream(segment.compressor)) {
    op.kind = OpKind::piece;
    op.piece = segment.cut->piece;
    op.piece.goes_on = piece_ != nullptr && piece_ + 1 == &segment && piece_->cut != nullptr && segment.cut->content_begin > 0;
    if (!op.piece.goes_on)
      op.piece.primed_bytes = std::min<std::uint64_t>(detail::history_of(segment.compressor), segment.cut->content_begin);
    op.size_bytes += op.piece.primed_bytes + op.piece.ahead_bytes;
    begin -= op.piece.primed_bytes;
  } else if (is_in_pieces(segment.compressor)) {
    op.kind = OpKind::piece;
    op.piece.ahead_bytes = decision.ahead_bytes;
    op.size_bytes += decision.ahead_bytes;
  }
  if (op.size_bytes > limits_.block_bytes - block_bytes_) return 0;
  ops_.push_back(op);
  block_bytes_ += op.size_bytes;
  inside_ = blocks_end_ - begin;
  blocks_end_ += op.size_bytes - op.piece.ahead_bytes;
  piece_ = &segment;
  return op.size_bytes;
}

void FrameOps::add_remade(const Segment& segment, const BlockDecision& decision) {
  const std::uint64_t size = enter(segment, decision);
  if (size == 0) {  // the frame has no room for more blocks
    put_fresh(pair_.target.packed(segment));
    return;
  }
  const Op& op = ops_.back();
  const std::uint64_t begin = segment.place - op.piece.primed_bytes;
  in_block_ = true;
  add_content(begin, begin + size);
  in_block_ = false;
  block_ops_ = ops_.size();
}

void FrameOps::add_segment(const Segment& segment, std::uint64_t offset, std::uint64_t end, Start start) {
  const std::uint64_t begin = std::max(offset, segment.offset);
  const std::uint64_t to = std::min(end, segment.offset_end());
  if (!segment.is_block) {
    add_content(segment.place + (begin - segment.offset), segment.place + (to - segment.offset));
    return;
  }
  const BlockDecision& decision = pair_.blocks.decisions[static_cast<std::size_t>(&segment - pair_.target.segments().data())];
  const bool remade = decision.fate == BlockFate::remade;
  if (decision.fate == BlockFate::copied) {
    const std::uint64_t from = decision.source_offset + (begin - segment.offset);
    if (ops_.size() > block_ops_ && ops_.back().kind == OpKind::copy && ops_.back().source_offset + ops_.back().size_bytes == from) {
      ops_.back().size_bytes += to - begin;
    } else {
      ops_.push_back({OpKind::copy, to - begin, from});
    }
  } else if (remade && segment.offset >= offset) {
    add_remade(segment, decision);
  } else if (remade && start == Start::carried) {
    back_ = offset / frame_bytes_ - segment.offset / frame_bytes_;
    ops_.push_back({OpKind::carry, to - begin});
  } else {
    put_fresh(pair_.target.image().subspan(begin, to - begin));
  }
}

void FrameOps::make(std::uint64_t offset, std::uint64_t end, Start start, std::uint64_t min_unpack_bytes) {
  clear();
  min_unpack_bytes_ = min_unpack_bytes;
  limits_ = record_limits(end - offset, most_block_bytes(pair_.blocks.codings));
  unpack_left_ = limits_.unpacked_bytes;
  const auto& segments = pair_.target.segments();
  for (const Segment* segment = &pair_.target.at_offset(offset); segment != segments.data() + segments.size() && segment->offset < end;
       ++segment)
    add_segment(*segment, offset, end, start);
}

void FrameOps::make_plain(std::uint64_t offset, std::uint64_t end) {
  clear();
  put_fresh(pair_.target.image().subspan(offset, end - offset));
}

}  // namespace aloft::delta
