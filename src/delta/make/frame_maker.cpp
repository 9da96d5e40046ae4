#include "delta/make/frame_maker.hpp"

#include <algorithm>
#include <array>

#include "delta/errors.hpp"
#include "delta/varint.hpp"
#include "delta/view_source.hpp"

namespace aloft::delta {
namespace {

constexpr int kLevel = 9;  // what zstd makes of a body mostly only tells whether LZMA is to be tried
constexpr std::size_t kMinLzmaBytes = 64;
constexpr std::size_t kMaxZstdBytes = 4096;    // of a longer body LZMA makes less
constexpr double kLzmaGain = 1.25;             // zstd's size over LZMA's, at most
constexpr std::size_t kMinModelledBytes = 64;  // of differences
// A block of the old image is unpacked for no less than this; more where a frame would have too much unpacked.
constexpr std::array<std::uint64_t, 3> kMinUnpackBytes = {48, 384, 3072};

}  // namespace

FrameMaker::FrameMaker(const PairView& pair, std::uint64_t frame_bytes)
    : pair_(pair), ops_(pair, frame_bytes), packer_(kLevel), differences_(pair.processor), builder_(pair.blocks.codings, pair.processor) {}

// The differences as the model codes them, with their size in front.
Bytes FrameMaker::modelled() {
  differences_.begin();
  for (const AddRun& run : ops_.runs())
    differences_.add(pair_.source.bytes().subspan(run.source, run.size_bytes), pair_.target.bytes().subspan(run.target, run.size_bytes),
                     run.place);
  const Bytes& coded = differences_.finish();
  Bytes out;
  put_varint(out, coded.size());
  out.insert(out.end(), coded.begin(), coded.end());
  return out;
}

void FrameMaker::offer(Coding coding, ByteView modelled, ByteView rest, Bytes& record) const {
  if (!record.empty() && 1 + modelled.size() + rest.size() >= record.size()) return;
  record.assign(1, first_byte(coding, ops_.back()) | static_cast<std::byte>(modelled.empty() ? 0 : kModelledBit));
  record.insert(record.end(), modelled.begin(), modelled.end());
  record.insert(record.end(), rest.begin(), rest.end());
}

Result<> FrameMaker::offer_zstd(ByteView modelled, ByteView body, Bytes& record) {
  TRY(packer_.pack(body, packed_));
  offer(Coding::packed, modelled, packed_, record);
  return {};
}

Result<> FrameMaker::offer_lzma(ByteView modelled, ByteView body, Bytes& record) {
  if (body.size() < kMinLzmaBytes) return {};
  TRY(pack_lzma(body, packed_));
  offer(Coding::lzma, modelled, packed_, record);
  return {};
}

// The smallest record, nearly. LZMA takes longest: of a body with differences only where it may come out smaller than what the model makes
// of them.
Result<> FrameMaker::choose(std::uint64_t offset, Bytes& record) {
  record.clear();
  const std::uint64_t source_bytes = pair_.source.image().size();
  const Bytes body = encode_body(offset, source_bytes, ops_.ops(), ops_.differences(), ops_.fresh());
  offer(Coding::plain, {}, body, record);
  const bool differs = ops_.differences().size() >= kMinModelledBytes;
  if (differs || body.size() < kMaxZstdBytes) TRY(offer_zstd({}, body, record));
  if (!differs) return offer_lzma({}, body, record);
  const std::size_t unmodelled_bytes = record.size();
  const Bytes before = modelled();
  const Bytes rest = encode_body(offset, source_bytes, ops_.ops(), {}, ops_.fresh());
  offer(Coding::plain, before, rest, record);
  if (rest.size() < kMaxZstdBytes) TRY(offer_zstd(before, rest, record));
  TRY(offer_lzma(before, rest, record));
  return static_cast<double>(unmodelled_bytes) < static_cast<double>(record.size()) * kLzmaGain ? offer_lzma({}, body, record) : Result<>();
}

// False: it asks for more than a record may.
Result<bool> FrameMaker::prove(std::uint64_t offset, ByteView record) {
  ViewSource old(pair_.source.image());
  const ByteView target = pair_.target.image();
  if (frames_back(record.front()) > 0) {  // that earlier frames hand this on is proven with them
    const std::uint64_t end = pair_.target.at_offset(offset).offset_end();
    builder_.set_carry(offset, target.subspan(offset, end - offset));
  }
  const auto built = builder_.build(record, offset, old, pair_.source.image().size(), proof_);
  // kBadDelta: of a body that is larger than its differences and new bytes, by its operations.
  if (!built && (built.error().code.number == kBadRecord.number || built.error().code.number == kBadDelta.number)) return false;
  TRY(built);
  const std::uint64_t end = offset + proof_.size();
  if (!std::ranges::equal(proof_, target.subspan(offset, proof_.size())) ||
      !std::ranges::equal(builder_.carry(), target.subspan(end, builder_.carry().size())))
    return fail(kNotProven, "the record of the frame at byte " + std::to_string(offset) + " makes something else; report this");
  return true;
}

bool FrameMaker::fits(std::uint64_t size_bytes) const {
  const RecordLimits limits = record_limits(size_bytes, most_block_bytes(pair_.blocks.codings));
  return ops_.ops().size() <= limits.ops && ops_.back() <= kMaxFramesBack &&
         ops_.differences().size() + ops_.fresh().size() <= limits.body_bytes;
}

Result<> FrameMaker::make(std::uint64_t offset, std::uint64_t size_bytes, FrameOps::Start start, MadeRecord& made) {
  const std::uint64_t end = offset + size_bytes;
  proof_.resize(static_cast<std::size_t>(size_bytes));
  bool proven = false;
  for (std::size_t i = 0; i < kMinUnpackBytes.size() && !proven; ++i) {
    ops_.make(offset, end, start, kMinUnpackBytes[i]);
    if (!fits(size_bytes)) continue;
    TRY(choose(offset, made.record));
    proven = made.record.size() <= max_record_bytes(size_bytes) && TRY(prove(offset, made.record));
  }
  if (!proven) {
    ops_.make_plain(offset, end);
    TRY(choose(offset, made.record));
    if (!TRY(prove(offset, made.record))) return fail(kNotProven, "a plain record cannot be read; report this");
  }
  made.hands_on = !builder_.carry().empty();
  return {};
}

}  // namespace aloft::delta
