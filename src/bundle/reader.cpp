#include "bundle/reader.hpp"

#include <algorithm>
#include <array>

#include "bundle/container.hpp"
#include "bundle/errors.hpp"
#include "crypto/sha256_each.hpp"

namespace aloft::bundle {

Result<Reader> Reader::open(ByteSource& source, const crypto::TrustStore& trust, WallTime now) {
  auto preamble = TRY(read_preamble(source));
  if (preamble.signature.empty()) return fail(kUnsigned, "the bundle is not signed; sign it with: aloft bundle sign");
  auto signers = TRY(trust.verify(preamble.signature, as_bytes(preamble.manifest_text), now));
  auto reader = TRY(from_preamble(source, std::move(preamble)));
  reader.signers_ = std::move(signers);
  return reader;
}

Result<Reader> Reader::open_unverified(ByteSource& source) { return from_preamble(source, TRY(read_preamble(source))); }

Result<Reader> Reader::from_preamble(ByteSource& source, Preamble preamble) {
  Reader reader;
  reader.source_ = &source;
  reader.manifest_ = TRY(parse_manifest(preamble.manifest_text));
  reader.payload_offset_ = preamble.size_bytes();
  reader.position_ = reader.payload_offset_;
  reader.manifest_text_ = std::move(preamble.manifest_text);
  reader.manifest_sha256_ = crypto::sha256(as_bytes(reader.manifest_text_));
  reader.signature_ = std::move(preamble.signature);
  TRY(reader.lay_out());
  return reader;
}

// The manifest's sums are below 2^63 each; only what lies before the payload can still carry them past it.
Result<> Reader::lay_out() {
  std::uint64_t offset = 0;
  for (const auto& image : manifest_.images) {
    auto& offsets = frame_offsets_.emplace_back();
    offsets.reserve(image.stored.size() + 1);
    for (const auto& frame : image.stored) {
      offsets.push_back(offset);
      offset += frame.size_bytes;
    }
    offsets.push_back(offset);
  }
  for (const auto& image : manifest_.images) {
    blocks_offsets_.push_back(offset);
    offset += image.blocks_section_bytes();
  }
  blocks_offsets_.push_back(offset);
  if (offset > INT64_MAX - payload_offset_) return fail(kBadManifest, "manifest: the bundle would have 2^63 bytes or more");
  return {};
}

Extent Reader::stored_extent(std::size_t image, std::uint64_t frame) const {
  const auto& offsets = frame_offsets_[image];
  return {payload_offset_ + offsets[frame], offsets[frame + 1] - offsets[frame]};
}

Extent Reader::blocks_extent(std::size_t image) const {
  return {payload_offset_ + blocks_offsets_[image], blocks_offsets_[image + 1] - blocks_offsets_[image]};
}

std::uint64_t Reader::size_bytes() const { return payload_offset_ + blocks_offsets_.back(); }

Result<> Reader::read(std::uint64_t offset, MutableByteView buffer) {
  const auto count = TRY(source_->read_at(offset, buffer));
  if (count < buffer.size())
    return fail(kTruncated, "the bundle ends after " + std::to_string(offset + count) + " of " + std::to_string(size_bytes()) +
                                " bytes; fetch it again");
  if (!any_order()) position_ = std::max(position_, offset + count);
  return {};
}

Result<> Reader::fetch_frame(std::size_t image, std::uint64_t frame, Bytes& stored) {
  return fetch_frames(image, frame, std::span(&stored, 1));
}

Result<> Reader::fetch_frames(std::size_t image, std::uint64_t first, std::span<Bytes> stored) {
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const auto extent = stored_extent(image, first + i);
    stored[i].resize(static_cast<std::size_t>(extent.size_bytes));
    TRY(read(extent.offset_bytes, stored[i]));
  }
  std::vector<Digest> digests(stored.size());
  crypto::sha256_each(std::vector<ByteView>(stored.begin(), stored.end()), digests);
  for (std::size_t i = 0; i < stored.size(); ++i) TRY(check_stored(image, first + i, stored[i], digests[i]));
  return {};
}

Result<> Reader::check_stored(std::size_t image, std::uint64_t frame, ByteView stored) const {
  return check_stored(image, frame, stored, crypto::sha256(stored));
}

Result<> Reader::check_stored(std::size_t image, std::uint64_t frame, ByteView stored, const Digest& digest) const {
  const Image& about = manifest_.images[image];
  if (stored.size() != about.stored[frame].size_bytes || digest != about.stored[frame].sha256)
    return fail(kStoredDigest, "frame " + std::to_string(frame) + " of image " + about.name +
                                   " is not what the manifest names; the bundle is damaged: fetch it again");
  return {};
}

Result<> Reader::fetch_blocks(std::size_t image, Bytes& section) {
  constexpr std::uint64_t kStep = 1 << 20;
  const auto extent = blocks_extent(image);
  section.clear();
  while (section.size() < extent.size_bytes) {
    const std::size_t start = section.size();
    section.resize(start + static_cast<std::size_t>(std::min(kStep, extent.size_bytes - start)));
    TRY(read(extent.offset_bytes + start, std::span(section).subspan(start)));
  }
  return check_blocks(image, section);
}

Result<> Reader::check_blocks(std::size_t image, ByteView section) const {
  const Image& about = manifest_.images[image];
  if (about.blocks && crypto::sha256(section) != *about.blocks)
    return fail(kBlocksDigest, "the section of blocks of image " + about.name + " is not what the manifest names; fetch the bundle again");
  return {};
}

Result<> Reader::check_end() {
  std::array<std::byte, 2> buffer;
  const std::uint64_t size = size_bytes();
  const std::uint64_t from = position_ < size ? size - 1 : size;  // a stream that stands at the end cannot look back
  const auto expected = static_cast<std::size_t>(size - from);
  const auto count = TRY(source_->read_at(from, buffer));
  if (count < expected) return fail(kTruncated, "the bundle ends before its " + std::to_string(size) + " bytes; fetch it again");
  if (count > expected) return fail(kTrailing, "something follows the bundle's " + std::to_string(size) + " bytes; fetch it again");
  return {};
}

}  // namespace aloft::bundle
