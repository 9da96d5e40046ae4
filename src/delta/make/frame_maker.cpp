#include "delta/make/frame_maker.hpp"

#include <algorithm>
#include <cstring>

#include "delta/errors.hpp"
#include "delta/view_source.hpp"

namespace aloft::delta {
namespace {

constexpr int kLevel = 22;
constexpr std::uint64_t kMinCopyBytes = 256;  // equal bytes within a cover: a shorter run is cheaper as differences of zero
constexpr std::uint64_t kMinZeroBytes = 64;
constexpr std::size_t kMinLzmaBytes = 64;

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

FrameMaker::FrameMaker(ByteView source, ByteView target, const Covers& covers)
    : source_(source), target_(target), covers_(covers), packer_(kLevel) {}

void FrameMaker::put(OpKind kind, std::uint64_t target, std::uint64_t end, std::uint64_t source) {
  if (target == end) return;
  ops_.push_back({kind, end - target, source});
  for (std::uint64_t i = 0; kind == OpKind::add && i < end - target; ++i)
    differences_.push_back(
        static_cast<std::byte>(std::to_integer<unsigned>(target_[target + i]) - std::to_integer<unsigned>(source_[source + i])));
  if (kind == OpKind::fresh)
    fresh_.insert(fresh_.end(), target_.begin() + static_cast<std::ptrdiff_t>(target), target_.begin() + static_cast<std::ptrdiff_t>(end));
}

void FrameMaker::add_cover(std::uint64_t target, std::uint64_t source, std::uint64_t end) {
  std::uint64_t begin = target;  // of the differences under way
  for (std::uint64_t at = target; at < end;) {
    const std::uint64_t from = source + (at - target);
    const std::uint64_t equal = run_of_equal(target_.subspan(at, end - at), source_.subspan(from, end - at));
    if (equal >= kMinCopyBytes || (equal == end - at && begin == at && equal > 0)) {
      put(OpKind::add, begin, at, source + (begin - target));
      put(OpKind::copy, at, at + equal, from);
      begin = at + equal;
    }
    at += std::max<std::uint64_t>(equal, 1);
  }
  put(OpKind::add, begin, end, source + (begin - target));
}

void FrameMaker::add_fresh(std::uint64_t target, std::uint64_t end) {
  std::uint64_t begin = target;
  for (std::uint64_t at = target; at < end;) {
    const std::uint64_t zeros = run_of_zero(target_.subspan(at, end - at));
    if (zeros >= kMinZeroBytes) {
      put(OpKind::fresh, begin, at, 0);
      put(OpKind::zero, at, at + zeros, 0);
      begin = at + zeros;
    }
    at += std::max<std::uint64_t>(zeros, 1);
  }
  put(OpKind::fresh, begin, end, 0);
}

Result<> FrameMaker::choose(std::uint64_t offset, Bytes& record) {
  const Bytes body = encode_body(offset, ops_, differences_, fresh_);
  record.assign(1, static_cast<std::byte>(Coding::plain));
  record.insert(record.end(), body.begin(), body.end());
  const auto offer = [&](Coding coding) {
    if (packed_.size() + 1 >= record.size()) return;
    record.assign(1, static_cast<std::byte>(coding));
    record.insert(record.end(), packed_.begin(), packed_.end());
  };
  TRY(packer_.pack(body, packed_));
  offer(Coding::packed);
  if (body.size() < kMinLzmaBytes) return {};
  TRY(pack_lzma(body, packed_));
  offer(Coding::lzma);
  return {};
}

Result<> FrameMaker::prove(std::uint64_t offset, ByteView record) {
  ViewSource old(source_);
  TRY(builder_.build(record, offset, old, source_.size(), proof_));
  if (!std::ranges::equal(proof_, target_.subspan(offset, proof_.size())))
    return fail(kNotProven, "the record of the frame at byte " + std::to_string(offset) + " makes something else; report this");
  return {};
}

Result<> FrameMaker::make(std::uint64_t offset, std::uint64_t size_bytes, Bytes& record) {
  ops_.clear();
  differences_.clear();
  fresh_.clear();
  const std::uint64_t end = offset + size_bytes;
  std::uint64_t at = offset;
  auto cover = std::ranges::upper_bound(covers_, offset, {}, &Cover::target_end);
  for (; cover != covers_.end() && cover->target < end; ++cover) {
    const std::uint64_t begin = std::max(cover->target, offset);
    const std::uint64_t to = std::min(cover->target_end(), end);
    add_fresh(at, begin);
    add_cover(begin, cover->source + (begin - cover->target), to);
    at = to;
  }
  add_fresh(at, end);
  if (ops_.size() > max_ops(size_bytes)) {
    ops_.clear();
    differences_.clear();
    fresh_.clear();
    put(OpKind::fresh, offset, end, 0);
  }
  TRY(choose(offset, record));
  proof_.resize(static_cast<std::size_t>(size_bytes));
  return prove(offset, record);
}

}  // namespace aloft::delta
