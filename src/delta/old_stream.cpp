#include "delta/old_stream.hpp"

#include <algorithm>

#include "delta/errors.hpp"

namespace aloft::delta {
namespace {

constexpr std::size_t kInputBytes = 16384;

}  // namespace

Result<ByteView> PackedInput::look() {
  if (used_ == room_.size()) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(kInputBytes, end_ - offset_));
    room_.resize(size);
    used_ = 0;
    if (size == 0 || TRY(source_->read_at(offset_, room_)) < size) {
      room_.clear();
      return detail::does_not_unpack();
    }
    offset_ += size;
  }
  return ByteView(room_).subspan(used_);
}

Result<std::byte> PackedInput::next() {
  const std::byte byte = TRY(look()).front();
  take(1);
  return byte;
}

void PackedInput::seek(std::uint64_t offset) {
  room_.clear();
  used_ = 0;
  offset_ = offset;
}

OldStream::OldStream(Compressor compressor, ByteSource& source, std::uint64_t offset, std::uint64_t packed_bytes)
    : in_(source, offset, offset + packed_bytes), begin_(offset), compressor_(compressor), ring_(kStreamWindowBytes) {}

void OldStream::set_mark() {
  if (marks_.size() == kMaxMarks) {  // every second one goes
    mark_every_ *= 2;
    std::erase_if(marks_, [&](const Mark& mark) { return mark.place % mark_every_ != 0; });
  }
  if (place_ % mark_every_ != 0 || (!marks_.empty() && marks_.back().place >= place_)) return;
  auto fork = decoder_->fork();
  if (!fork) return;
  Mark mark{place_, in_.offset(), std::move(fork), Bytes(decoder_->history_bytes())};
  for (std::size_t i = 0; i < mark.history.size(); ++i) mark.history[i] = ring_[(place_ - mark.history.size() + i) % ring_.size()];
  marks_.push_back(std::move(mark));
}

// So that `place` is in the ring, or next.
Result<> OldStream::go_to(std::uint64_t place) {
  const auto after = std::ranges::upper_bound(marks_, place, {}, &Mark::place);
  const bool marked = after != marks_.begin();
  const std::uint64_t mark_place = marked ? (after - 1)->place : 0;
  const bool behind = place < from_;
  if (decoder_ && !behind && (place <= place_ || mark_place <= place_)) return {};
  if (!marked) {
    decoder_ = compressor_ == Compressor::gzip ? make_deflate_decoder() : make_lz4_decoder();
    in_.seek(begin_);
    place_ = from_ = 0;
    return decoder_ ? Result<>() : detail::does_not_unpack();
  }
  const Mark& mark = *(after - 1);
  decoder_ = mark.decoder->fork();
  if (!decoder_) return detail::does_not_unpack();
  in_.seek(mark.offset);
  place_ = mark.place;
  from_ = mark.place - mark.history.size();
  for (std::size_t i = 0; i < mark.history.size(); ++i) ring_[(from_ + i) % ring_.size()] = mark.history[i];
  return {};
}

Result<> OldStream::read(ByteSource& source, std::uint64_t place, MutableByteView out) {
  in_.use(source);
  while (!out.empty()) {
    TRY(go_to(place));
    while (place_ <= place) {
      const std::uint64_t to_mark = mark_every_ - place_ % mark_every_;
      const std::uint64_t to_end = ring_.size() - place_ % ring_.size();
      const auto size = static_cast<std::size_t>(std::min({to_mark, to_end, place - place_ + out.size()}));
      auto done = decoder_->decode(in_, std::span<std::byte, kStreamWindowBytes>(ring_),
                                   MutableByteView(ring_).subspan(place_ % ring_.size(), size));
      if (!done) {
        decoder_.reset();
        return done;
      }
      place_ += size;
      if (place_ - from_ > ring_.size()) from_ = place_ - ring_.size();
      if (place_ % mark_every_ == 0) set_mark();
    }
    const std::size_t at = place % ring_.size();
    const std::size_t size = std::min({out.size(), ring_.size() - at, static_cast<std::size_t>(place_ - place)});
    std::copy_n(ring_.begin() + static_cast<std::ptrdiff_t>(at), size, out.begin());
    out = out.subspan(size);
    place += size;
  }
  return {};
}

std::uint64_t StreamCost::of(std::uint64_t place, std::uint64_t size_bytes) const {
  const std::uint64_t end = place + size_bytes;
  if (!any_) return kFirstBytes + size_bytes;
  if (place + kNearBytes >= end_) return end > end_ ? end - end_ : 0;
  return kBackBytes + size_bytes;
}

void StreamCost::read(std::uint64_t place, std::uint64_t size_bytes) {
  const std::uint64_t end = place + size_bytes;
  end_ = any_ && place + kNearBytes >= end_ ? std::max(end_, end) : end;
  any_ = true;
}

}  // namespace aloft::delta
