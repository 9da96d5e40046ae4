#include "delta/frame_builder.hpp"

#include <zstd.h>

#include <algorithm>
#include <optional>

#include "delta/errors.hpp"
#include "delta/piece_coding.hpp"
#include "delta/record_ops.hpp"
#include "delta/varint.hpp"

namespace aloft::delta {
namespace {

std::unexpected<Error> bad_record(const char* what) { return fail(kBadRecord, std::string("a record of the delta ") + what); }

// As bundles store frames (docs/bundle-format.md): one zstd frame, or one for each block of it, packed behind what stands before.
Result<> unpack_stored(Unpacker& unpacker, ByteView stored, MutableByteView content) {
  std::size_t at = 0;
  while (at < content.size()) {
    const std::size_t packed = ZSTD_findFrameCompressedSize(stored.data(), stored.size());
    const unsigned long long size = ZSTD_getFrameContentSize(stored.data(), stored.size());
    if (packed > stored.size() || size == 0 || size > content.size() - at)  // as errors are
      return bad_record("holds no stored frame of its size");
    TRY(unpacker.unpack_behind(ByteView(content).first(at), stored.first(packed), content.subspan(at, static_cast<std::size_t>(size))));
    at += static_cast<std::size_t>(size);
    stored = stored.subspan(packed);
  }
  return stored.empty() ? Result<>() : bad_record("holds more than a stored frame");
}

}  // namespace

// Does a body's operations one after the other.
class RecordRun {
 public:
  RecordRun(FrameBuilder& builder, std::uint64_t frame_offset, ByteSource& source, std::uint64_t source_bytes, MutableByteView content,
            DifferenceDecoder* modelled, bool only_carry)
      : builder_(builder),
        frame_offset_(frame_offset),
        expected_(frame_offset, source_bytes),
        source_(source),
        source_bytes_(source_bytes),
        limits_(record_limits(content.size(), builder.coders_.most_block_bytes())),
        modelled_(modelled),
        only_carry_(only_carry),
        frame_(content),
        rest_(content),
        ops_left_(limits_.ops),
        block_bytes_left_(limits_.block_bytes) {
    builder_.parts_.begin(source, source_bytes, limits_.unpacked_bytes);
    builder_.history_.clear();
  }

  Result<> run(ByteView body) {
    Input all(body);
    Input ops(TRY(all.take(TRY(all.varint()))));
    const std::uint64_t differences = TRY(all.varint());
    differences_ = TRY(all.take(differences));
    fresh_ = TRY(all.take(all.size()));
    if (!only_carry_ && !builder_.carry().empty()) TRY(take_carry(ops));
    while (!ops.empty()) TRY(one(ops));
    if (in_block_ || !rest_.empty()) return bad_record("makes less than its frame");
    if (!differences_.empty() || !fresh_.empty() || (modelled_ != nullptr && !modelled_->is_used_up()))
      return bad_record("brings bytes that it does not use");
    return {};
  }

 private:
  // What is carried comes first, all of it that the frame has room for.
  Result<> take_carry(Input& ops) {
    const ByteView carry = builder_.carry();
    const std::uint64_t size = std::min(carry.size(), rest_.size());
    if (TRY(ops.varint()) != kCarryTag || TRY(ops.varint()) != size)
      return bad_record("does not go on with the block that the frame begins in");
    std::ranges::copy(carry.first(static_cast<std::size_t>(size)), rest_.begin());
    builder_.carry_used_ += static_cast<std::size_t>(size);
    pass(size);
    return {};
  }

  void pass(std::uint64_t size) {
    expected_.pass(size);
    rest_ = rest_.subspan(static_cast<std::size_t>(size));
  }

  Result<> one(Input& ops) {
    if (ops_left_-- == 0) return bad_record("has more operations than a frame may have");
    const std::uint64_t tag = TRY(ops.varint());
    if (tag == kPartTag) return part(ops);
    if (tag == kBlockTag) return block(ops);
    if (tag == kPieceTag) return piece(ops);
    if (tag == kCarryTag) return skip_carry(ops);
    const auto kind = static_cast<OpKind>(tag & kKindMask);
    const std::uint64_t size = tag >> kKindBits;
    if (size == 0 || size > rest_.size()) return bad_record("makes more than its frame");
    const MutableByteView out = rest_.first(static_cast<std::size_t>(size));
    switch (kind) {
      case OpKind::copy: TRY(read(TRY(ops.signed_varint()), out)); break;
      case OpKind::add:
        TRY(read(TRY(ops.signed_varint()), out));
        TRY(add(out, expected_.place() - size));
        break;
      case OpKind::fresh:
        TRY(bring(out));
        expected_.pass(size);
        break;
      default: std::ranges::fill(out, std::byte{0}); expected_.pass(size);
    }
    rest_ = rest_.subspan(out.size());
    return in_block_ && rest_.empty() ? pack() : Result<>();
  }

  // When only what is handed on is wanted, the carried bytes are not there, and not missed.
  Result<> skip_carry(Input& ops) {
    const std::uint64_t size = TRY(ops.varint());
    if (!only_carry_ || rest_.size() != frame_.size() || in_block_ || size > rest_.size())
      return bad_record("goes on with a block that no frame before has begun");
    pass(size);
    return {};
  }

  Result<> part(Input& ops) {
    const std::uint64_t away = static_cast<std::uint64_t>(TRY(ops.signed_varint()));
    OldPart part{.offset = expected_.part() + away};
    part.packed_bytes = TRY(ops.varint());
    part.content_bytes = TRY(ops.varint());
    part.coding = TRY(ops.varint());
    const std::uint64_t place = TRY(builder_.parts_.add(part));
    expected_.name_part(part.offset, part.packed_bytes, source_bytes_ + place);
    return {};
  }

  Result<> block(Input& ops) {
    TRY(enter(ops, 0));
    TRY(builder_.coders_.at(coding_));
    return {};
  }

  Result<> piece(Input& ops) {
    if (builder_.coders_.most_block_bytes() == 0) return bad_record("has a piece of a stream, and no compressor for it");
    const std::uint64_t kept = builder_.history_.size();
    TRY(enter(ops, kept));
    TRY(builder_.coders_.piece_at(coding_));
    const std::uint64_t context = TRY(ops.varint());
    PiecePlace piece{.goes_on = context == 0, .primed_bytes = context == 0 ? 0 : context - 1, .ahead_bytes = TRY(ops.varint())};
    const std::uint64_t state = TRY(ops.varint());
    piece.state.bits = static_cast<unsigned>(state & (kLastBit - 1));
    piece.last = (state & kLastBit) != 0;
    const std::uint64_t match = TRY(ops.varint());
    const std::uint64_t distance = match > 2 ? TRY(ops.varint()) : 0;
    piece.state.match_bytes = static_cast<unsigned>(match);
    piece.state.distance = static_cast<unsigned>(distance);
    const std::uint64_t history = piece.goes_on ? kept : piece.primed_bytes;
    const std::uint64_t size = rest_.size();
    if (state == 0 || state >= 2 * kLastBit || piece.state.bits == 0 || match == 1 || match > kMaxMatchBytes ||
        distance > kDeflateHistoryBytes || (match > 0 && history < std::max<std::uint64_t>(distance + 1, 1)) ||
        (match > 2 && distance == 0))
      return bad_record("has a piece in a state that none can have");
    if (piece.primed_bytes > kMaxHistoryBytes || piece.ahead_bytes > kMaxAheadBytes || piece.primed_bytes + piece.ahead_bytes >= size)
      return bad_record("has a piece of a size that none can have");
    piece_ = piece;
    if (piece.goes_on) std::ranges::copy(builder_.history_, builder_.block_.begin());
    return {};
  }

  // What block and piece begin with. The content has room for history_bytes in front.
  Result<> enter(Input& ops, std::uint64_t history_bytes) {
    const std::uint64_t size = TRY(ops.varint());
    packed_bytes_ = TRY(ops.varint());
    coding_ = TRY(ops.varint());
    if (in_block_ || rest_.empty()) return bad_record("has a block where none can be");
    const std::uint64_t most = max_block_bytes(TRY(builder_.coders_.coding(coding_)).compressor);
    if (size == 0 || size > most || packed_bytes_ == 0 || packed_bytes_ > most || size > block_bytes_left_)
      return bad_record("has a block of a size that none can have");
    block_bytes_left_ -= size;
    blocks_end_ += size;
    builder_.block_.resize(static_cast<std::size_t>(history_bytes + size));
    outside_ = rest_;
    rest_ = MutableByteView(builder_.block_).subspan(static_cast<std::size_t>(history_bytes));
    history_bytes_ = history_bytes;
    in_block_ = true;
    piece_.reset();
    expected_.enter_block(packed_bytes_);
    return {};
  }

  // The block's content is complete.
  Result<> pack() {
    const auto inside = std::min(outside_.size(), static_cast<std::size_t>(packed_bytes_));
    in_block_ = false;
    rest_ = outside_.subspan(inside);
    expected_.leave_block(piece_ ? piece_->ahead_bytes : 0);
    if (piece_) blocks_end_ -= piece_->ahead_bytes;
    if (!only_carry_ || inside < packed_bytes_) {
      Bytes& packed = builder_.packed_;
      packed.resize(static_cast<std::size_t>(packed_bytes_));
      TRY(encode(packed));
      std::copy_n(packed.begin(), inside, outside_.begin());
      if (inside < packed.size()) builder_.set_carry(0, ByteView(packed).subspan(inside));
    }
    keep_history();
    return {};
  }

  Result<> encode(MutableByteView packed) {
    if (piece_) {
      ByteView content = builder_.block_;
      if (!piece_->goes_on) content = content.subspan(static_cast<std::size_t>(history_bytes_));
      const std::uint64_t history = piece_->goes_on ? history_bytes_ : piece_->primed_bytes;
      return TRY(builder_.coders_.piece_at(coding_))
          ->encode({.content = content, .history = static_cast<std::size_t>(history), .state = piece_->state, .last = piece_->last},
                   packed);
    }
    if (TRY(TRY(builder_.coders_.at(coding_))->encode(builder_.block_, packed)) != packed.size())
      return bad_record("has a block that comes out smaller than it says");
    return {};
  }

  // The next piece goes on where this one ends.
  void keep_history() {
    builder_.history_.clear();
    if (!piece_) return;
    ByteView done = builder_.block_;
    if (!piece_->goes_on) done = done.subspan(static_cast<std::size_t>(history_bytes_));
    done = done.first(done.size() - static_cast<std::size_t>(piece_->ahead_bytes));
    done = done.last(std::min(done.size(), kMaxHistoryBytes));
    builder_.history_.assign(done.begin(), done.end());
  }

  Result<> read(std::int64_t away, MutableByteView out) {
    const std::uint64_t from = expected_.place() + static_cast<std::uint64_t>(away);
    expected_.read(from, out.size());
    if (from >= source_bytes_) {
      const std::uint64_t place = from - source_bytes_;
      const std::uint64_t size = builder_.parts_.size_bytes();
      if (place > size || out.size() > size - place) return bad_record("reads outside the old image and its blocks");
      return builder_.parts_.read(place, out);
    }
    if (out.size() > source_bytes_ - from) return bad_record("reads outside the old image");
    if (TRY(source_.read_at(from, out)) < out.size())
      return fail(kWrongSource,
                  "the old image ends before its " + std::to_string(source_bytes_) + " bytes; it is not what the delta is for");
    return {};
  }

  // Where the bytes that are made next lie in the new image; of a block, in the contents of the record's blocks.
  std::uint64_t new_place() const { return in_block_ ? blocks_end_ - rest_.size() : frame_offset_ + (frame_.size() - rest_.size()); }

  Result<> add(MutableByteView out, std::uint64_t old_place) {
    if (modelled_ != nullptr) {
      modelled_->apply(out, {.old_place = old_place, .new_place = new_place()});
      return {};
    }
    if (out.size() > differences_.size()) return bad_record("has too few differences");
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<std::byte>(std::to_integer<unsigned>(out[i]) + std::to_integer<unsigned>(differences_[i]));
    differences_ = differences_.subspan(out.size());
    return {};
  }

  Result<> bring(MutableByteView out) {
    if (out.size() > fresh_.size()) return bad_record("has too few bytes of its own");
    std::ranges::copy(fresh_.first(out.size()), out.begin());
    fresh_ = fresh_.subspan(out.size());
    return {};
  }

  FrameBuilder& builder_;
  const std::uint64_t frame_offset_;
  Expectation expected_;
  ByteSource& source_;
  const std::uint64_t source_bytes_;
  const RecordLimits limits_;
  DifferenceDecoder* const modelled_;  // null: the body has the differences
  const bool only_carry_;
  const MutableByteView frame_;
  MutableByteView rest_;     // of the frame, or of the block's content
  MutableByteView outside_;  // of the frame, while rest_ is the block's
  std::uint64_t ops_left_;
  std::uint64_t block_bytes_left_;
  std::uint64_t blocks_end_ = 0;  // of the contents of all blocks so far
  std::uint64_t packed_bytes_ = 0;
  std::uint64_t coding_ = 0;
  bool in_block_ = false;
  std::optional<PiecePlace> piece_;  // what the block is, if it is a piece
  std::uint64_t history_bytes_ = 0;  // in front of its content
  ByteView differences_;
  ByteView fresh_;
};

void FrameBuilder::set_carry(std::uint64_t offset, ByteView bytes) {
  carry_.assign(bytes.begin(), bytes.end());
  carry_used_ = 0;
  carry_offset_ = offset;
}

Result<> FrameBuilder::build(ByteView record, std::uint64_t frame_offset, ByteSource& source, std::uint64_t source_bytes,
                             MutableByteView content) {
  if (record.empty() || record.size() > max_record_bytes(content.size())) return bad_record("has a size that none can have");
  if (frames_back(record.front()) == 0) {
    set_carry(0, {});
  } else if (carry().empty() || carry_offset_ != frame_offset) {
    return bad_record("needs the frames before its own");
  }
  auto done = run(record, frame_offset, source, source_bytes, content, false);
  if (!done) set_carry(0, {});
  return done;
}

Result<> FrameBuilder::begin(ByteView record, std::uint64_t frame_offset, std::uint64_t frame_bytes, ByteSource& source,
                             std::uint64_t source_bytes) {
  if (record.empty() || record.size() > max_record_bytes(frame_bytes)) return bad_record("has a size that none can have");
  set_carry(0, {});
  Bytes content(static_cast<std::size_t>(frame_bytes));
  auto done = run(record, frame_offset, source, source_bytes, content, true);
  if (!done) set_carry(0, {});
  return done;
}

Result<> FrameBuilder::run(ByteView record, std::uint64_t frame_offset, ByteSource& source, std::uint64_t source_bytes,
                           MutableByteView content, bool only_carry) {
  Input input(record.subspan(1));
  DifferenceDecoder* modelled = nullptr;
  if (is_modelled(record.front())) {
    if (coding_of(record.front()) == Coding::stored) return bad_record("has differences and no body");
    const std::uint64_t size = TRY(input.varint());
    if (!differences_) differences_ = std::make_unique<DifferenceDecoder>(processor_);
    modelled = differences_.get();
    modelled->begin(TRY(input.take(size)));
  }
  const ByteView rest = TRY(input.take(input.size()));
  const std::uint64_t limit = record_limits(content.size(), coders_.most_block_bytes()).body_bytes;
  RecordRun run(*this, frame_offset, source, source_bytes, content, modelled, only_carry);
  switch (coding_of(record.front())) {
    case Coding::plain: TRY(run.run(rest)); break;
    case Coding::packed:
      TRY(unpacker_.unpack(rest, limit, body_));
      TRY(run.run(body_));
      break;
    case Coding::lzma:
      TRY(unpack_lzma(rest, limit, body_));
      TRY(run.run(body_));
      break;
    case Coding::stored:
      if (frames_back(record.front()) != 0) return bad_record("goes on with another frame, and is stored");
      TRY(unpack_stored(unpacker_, rest, content));
  }
  carry_offset_ = frame_offset + content.size();
  return {};
}

}  // namespace aloft::delta
