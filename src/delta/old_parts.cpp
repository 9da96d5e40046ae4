#include "delta/old_parts.hpp"

#include <algorithm>

#include "delta/errors.hpp"
#include "delta/piece_coding.hpp"

namespace aloft::delta {
void OldParts::begin(ByteSource& source, std::uint64_t source_bytes, std::uint64_t unpack_limit_bytes) {
  source_ = &source;
  source_bytes_ = source_bytes;
  unpack_left_ = unpack_limit_bytes;
  parts_.clear();
  places_.clear();
  compressors_.clear();
  costs_.clear();
}

Result<std::uint64_t> OldParts::add(const OldPart& part) {
  const Compressor compressor = TRY(coders_.coding(part.coding)).compressor;
  const std::uint64_t most = is_stream(compressor) ? kMaxStreamBytes : max_block_bytes(compressor);
  const bool sized = part.packed_bytes >= 1 && part.packed_bytes <= most && part.content_bytes >= 1 && part.content_bytes <= most;
  if (!sized || part.offset > source_bytes_ || part.packed_bytes > source_bytes_ - part.offset)
    return fail(kBadRecord, "a record of the delta names a block that the old image cannot have");
  const std::uint64_t place = size_bytes();
  parts_.push_back(part);
  places_.push_back(place);
  compressors_.push_back(compressor);
  costs_.emplace_back();
  return place;
}

Result<> OldParts::read(std::uint64_t place, MutableByteView out) {
  auto index = static_cast<std::size_t>(std::ranges::upper_bound(places_, place) - places_.begin()) - 1;
  for (; !out.empty(); ++index) {
    if (is_stream(compressors_[index])) {
      const std::uint64_t at = place - places_[index];
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(parts_[index].content_bytes - at, out.size()));
      TRY(read_stream(index, at, out.first(size)));
      out = out.subspan(size);
      place += size;
      continue;
    }
    const ByteView content = TRY(unpacked(parts_[index]));
    const ByteView rest = content.subspan(static_cast<std::size_t>(place - places_[index]));
    const std::size_t size = std::min(rest.size(), out.size());
    std::ranges::copy(rest.first(size), out.begin());
    out = out.subspan(size);
    place += size;
  }
  return {};
}

Result<> OldParts::spend(std::uint64_t bytes) {
  if (bytes > unpack_left_) return fail(kBadRecord, "a record of the delta has more of the old image unpacked than it may");
  unpack_left_ -= bytes;
  return {};
}

Result<> OldParts::read_stream(std::size_t index, std::uint64_t place, MutableByteView out) {
  TRY(spend(costs_[index].of(place, out.size())));
  costs_[index].read(place, out.size());
  return stream_of(parts_[index]).read(*source_, place, out);
}

OldStream& OldParts::stream_of(const OldPart& part) {
  const auto found = std::ranges::find(streams_, part, &KeptStream::part);
  if (found != streams_.end()) {
    std::rotate(found, found + 1, streams_.end());
    return *streams_.back().stream;
  }
  if (streams_.size() == kKeptStreams) streams_.erase(streams_.begin());
  const Compressor compressor = compressors_[static_cast<std::size_t>(std::ranges::find(parts_, part) - parts_.begin())];
  streams_.push_back({part, std::make_unique<OldStream>(compressor, *source_, part.offset, part.packed_bytes)});
  return *streams_.back().stream;
}

void OldParts::make_room(std::uint64_t content_bytes) {
  std::size_t first = 0;
  for (; first < kept_.size() && kept_bytes_ + content_bytes > kKeptPartBytes; ++first) kept_bytes_ -= kept_[first].content.size();
  kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(first));
}

Result<ByteView> OldParts::unpacked(const OldPart& part) {
  const auto found = std::ranges::find(kept_, part, &Kept::part);
  if (found != kept_.end()) {
    std::rotate(found, found + 1, kept_.end());
    return ByteView(kept_.back().content);
  }
  TRY(spend(part.content_bytes));
  make_room(part.content_bytes);
  packed_.resize(static_cast<std::size_t>(part.packed_bytes));
  if (TRY(source_->read_at(part.offset, packed_)) < packed_.size())
    return fail(kWrongSource, "the old image ends before its " + std::to_string(source_bytes_) + " bytes; it is not what the delta is for");
  Kept kept{part, Bytes(static_cast<std::size_t>(part.content_bytes))};
  if (TRY(TRY(coders_.at(part.coding))->decode(packed_, kept.content)) != kept.content.size())
    return fail(kWrongSource, "a block of the old image has another size than the delta says; it is not the image that the delta is for");
  kept_bytes_ += kept.content.size();
  kept_.push_back(std::move(kept));
  return ByteView(kept_.back().content);
}

}  // namespace aloft::delta
