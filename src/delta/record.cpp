#include "delta/record.hpp"

#include "delta/record_ops.hpp"
#include "delta/varint.hpp"

namespace aloft::delta {
namespace {

// Writes operations one after the other, as Build in frame_builder.cpp reads them.
class OpWriter {
 public:
  OpWriter(std::uint64_t frame_offset, std::uint64_t source_bytes) : expected_(frame_offset, source_bytes), next_part_(source_bytes) {}

  void put(const Op& op) {
    switch (op.kind) {
      case OpKind::part: part(op); return;
      case OpKind::block: block(op, kBlockTag); return;
      case OpKind::piece: piece(op); return;
      case OpKind::carry:
        put_varint(coded_, kCarryTag);
        put_varint(coded_, op.size_bytes);
        expected_.pass(op.size_bytes);
        return;
      default: run(op);
    }
  }
  const Bytes& coded() const { return coded_; }

 private:
  void part(const Op& op) {
    put_varint(coded_, kPartTag);
    put_signed(coded_, static_cast<std::int64_t>(op.source_offset - expected_.part()));
    put_varint(coded_, op.packed_bytes);
    put_varint(coded_, op.size_bytes);
    put_varint(coded_, op.coding);
    expected_.name_part(op.source_offset, op.packed_bytes, next_part_);
    next_part_ += op.size_bytes;
  }

  void piece(const Op& op) {
    block(op, kPieceTag);
    const PiecePlace& piece = op.piece;
    put_varint(coded_, piece.goes_on ? 0 : 1 + piece.primed_bytes);
    put_varint(coded_, piece.ahead_bytes);
    put_varint(coded_, piece.state.bits | (piece.last ? kLastBit : 0));
    put_varint(coded_, piece.state.match_bytes);
    if (piece.state.match_bytes > 2) put_varint(coded_, piece.state.distance);
    ahead_ = piece.ahead_bytes;
  }

  void block(const Op& op, std::uint64_t tag) {
    put_varint(coded_, tag);
    put_varint(coded_, op.size_bytes);
    put_varint(coded_, op.packed_bytes);
    put_varint(coded_, op.coding);
    expected_.enter_block(op.packed_bytes);
    block_left_ = op.size_bytes;
    ahead_ = 0;
  }

  void run(const Op& op) {
    put_varint(coded_, (op.size_bytes << kKindBits) | static_cast<std::uint64_t>(op.kind));
    if (op.kind == OpKind::copy || op.kind == OpKind::add) {
      put_signed(coded_, static_cast<std::int64_t>(op.source_offset - expected_.place()));
      expected_.read(op.source_offset, op.size_bytes);
    } else {
      expected_.pass(op.size_bytes);
    }
    if (block_left_ == 0) return;
    block_left_ -= op.size_bytes;
    if (block_left_ == 0) expected_.leave_block(ahead_);
  }

  Expectation expected_;
  std::uint64_t next_part_;
  std::uint64_t block_left_ = 0;
  std::uint64_t ahead_ = 0;
  Bytes coded_;
};

}  // namespace

Bytes encode_body(std::uint64_t frame_offset, std::uint64_t source_bytes, const std::vector<Op>& ops, ByteView differences,
                  ByteView fresh) {
  OpWriter writer(frame_offset, source_bytes);
  for (const Op& op : ops) writer.put(op);
  Bytes body;
  put_varint(body, writer.coded().size());
  body.insert(body.end(), writer.coded().begin(), writer.coded().end());
  put_varint(body, differences.size());
  body.insert(body.end(), differences.begin(), differences.end());
  body.insert(body.end(), fresh.begin(), fresh.end());
  return body;
}

}  // namespace aloft::delta
