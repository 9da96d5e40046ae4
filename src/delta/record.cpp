#include "delta/record.hpp"

#include <algorithm>

#include "delta/errors.hpp"
#include "delta/varint.hpp"

namespace aloft::delta {
namespace {

constexpr unsigned kKindBits = 2;
constexpr std::uint64_t kKindMask = 3;

std::unexpected<Error> bad(const char* what) { return fail(kBadRecord, std::string("a record of the delta ") + what); }

bool reads_source(OpKind kind) { return kind == OpKind::copy || kind == OpKind::add; }

// Does a body's operations one after the other.
class Build {
 public:
  Build(std::uint64_t frame_offset, ByteSource& source, std::uint64_t source_bytes, MutableByteView content)
      : predicted_(frame_offset), source_(source), source_bytes_(source_bytes), rest_(content), ops_left_(max_ops(content.size())) {}

  Result<> run(ByteView body) {
    Input all(body);
    Input ops(TRY(all.take(TRY(all.varint()))));
    const std::uint64_t differences = TRY(all.varint());
    differences_ = TRY(all.take(differences));
    fresh_ = TRY(all.take(all.size()));
    while (!ops.empty()) TRY(one(ops));
    if (!rest_.empty()) return bad("makes less than its frame");
    if (!differences_.empty() || !fresh_.empty()) return bad("brings bytes that it does not use");
    return {};
  }

 private:
  Result<> one(Input& ops) {
    if (ops_left_-- == 0) return bad("has more operations than a frame may have");
    const std::uint64_t tag = TRY(ops.varint());
    const auto kind = static_cast<OpKind>(tag & kKindMask);
    const std::uint64_t size = tag >> kKindBits;
    if (size == 0 || size > rest_.size()) return bad("makes more than its frame");
    const MutableByteView out = rest_.first(static_cast<std::size_t>(size));
    if (reads_source(kind)) {
      TRY(read_source(TRY(ops.signed_varint()), out));
    } else {
      predicted_ += size;  // an op after these goes on at the same distance unless it says otherwise
    }
    if (kind == OpKind::add) TRY(add(out));
    if (kind == OpKind::fresh) TRY(bring(out));
    if (kind == OpKind::zero) std::ranges::fill(out, std::byte{0});
    rest_ = rest_.subspan(out.size());
    return {};
  }

  Result<> read_source(std::int64_t away, MutableByteView out) {
    const std::uint64_t from = predicted_ + static_cast<std::uint64_t>(away);
    if (from > source_bytes_ || out.size() > source_bytes_ - from) return bad("reads outside the old image");
    if (TRY(source_.read_at(from, out)) < out.size())
      return fail(kWrongSource,
                  "the old image ends before its " + std::to_string(source_bytes_) + " bytes; it is not what the delta is for");
    predicted_ = from + out.size();
    return {};
  }

  Result<> add(MutableByteView out) {
    if (out.size() > differences_.size()) return bad("has too few differences");
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<std::byte>(std::to_integer<unsigned>(out[i]) + std::to_integer<unsigned>(differences_[i]));
    differences_ = differences_.subspan(out.size());
    return {};
  }

  Result<> bring(MutableByteView out) {
    if (out.size() > fresh_.size()) return bad("has too few bytes of its own");
    std::ranges::copy(fresh_.first(out.size()), out.begin());
    fresh_ = fresh_.subspan(out.size());
    return {};
  }

  std::uint64_t predicted_;
  ByteSource& source_;
  const std::uint64_t source_bytes_;
  MutableByteView rest_;
  std::uint64_t ops_left_;
  ByteView differences_;
  ByteView fresh_;
};

}  // namespace

Bytes encode_body(std::uint64_t frame_offset, const std::vector<Op>& ops, ByteView differences, ByteView fresh) {
  Bytes coded;
  std::uint64_t predicted = frame_offset;
  for (const Op& op : ops) {
    put_varint(coded, (op.size_bytes << kKindBits) | static_cast<std::uint64_t>(op.kind));
    if (reads_source(op.kind)) {
      put_signed(coded, static_cast<std::int64_t>(op.source_offset - predicted));
      predicted = op.source_offset;
    }
    predicted += op.size_bytes;
  }
  Bytes body;
  put_varint(body, coded.size());
  body.insert(body.end(), coded.begin(), coded.end());
  put_varint(body, differences.size());
  body.insert(body.end(), differences.begin(), differences.end());
  body.insert(body.end(), fresh.begin(), fresh.end());
  return body;
}

Result<> FrameBuilder::build(ByteView record, std::uint64_t frame_offset, ByteSource& source, std::uint64_t source_bytes,
                             MutableByteView content) {
  if (record.empty() || record.size() > max_record_bytes(content.size())) return bad("has a size that none can have");
  const ByteView rest = record.subspan(1);
  Build build(frame_offset, source, source_bytes, content);
  switch (static_cast<Coding>(record.front())) {
    case Coding::plain: return build.run(rest);
    case Coding::packed: TRY(unpacker_.unpack(rest, max_record_bytes(content.size()), body_)); return build.run(body_);
    case Coding::lzma: TRY(unpack_lzma(rest, max_record_bytes(content.size()), body_)); return build.run(body_);
    case Coding::stored:
      TRY(unpacker_.unpack(rest, content.size(), body_));
      if (body_.size() != content.size()) return bad("makes less than its frame");
      std::ranges::copy(body_, content.begin());
      return {};
  }
  return bad("has a coding that this Aloft does not know; update it first");
}

}  // namespace aloft::delta
