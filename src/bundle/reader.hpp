// Reads a bundle from anything that has bytes: a file, a pipe, a web server.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/byte_source.hpp"
#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "bundle/manifest.hpp"
#include "crypto/trust.hpp"

namespace aloft::bundle {

using aloft::ByteSource;
using aloft::kNoEnd;

// A regular file or block device; or, from a descriptor that cannot seek, a stream.
Result<std::unique_ptr<ByteSource>> open_source(const std::string& path);
// How long a stream is waited for. Reading ends with kStreamGivenUp when no byte came for so long, or once the descriptor `wake` can be
// read.
struct StreamPatience {
  std::optional<std::chrono::seconds> give_up_after;  // without one new byte
  int wake = -1;                                      // none
};
std::unique_ptr<ByteSource> stream_source(int fd, StreamPatience patience = {});  // owns neither

struct Preamble;

// Where a part lies in the file.
struct Extent {
  std::uint64_t offset_bytes;
  std::uint64_t size_bytes;
};

class Reader {
 public:
  // Reads header, manifest and signature, checks header checksum and signature (before the manifest is parsed), parses. The source
  // must outlive the reader. Errors: 3000-3099 for the container and manifest, 2000-2099 for the signature, the source's own.
  static Result<Reader> open(ByteSource& source, const crypto::TrustStore& trust, WallTime now);
  // For looking at a bundle, never for installing it: nobody has vouched for what it says. signers() is empty.
  static Result<Reader> open_unverified(ByteSource& source);

  const Manifest& manifest() const { return manifest_; }
  const std::string& manifest_text() const { return manifest_text_; }
  const Digest& manifest_sha256() const { return manifest_sha256_; }  // names the bundle's content: same manifest, same update
  const std::vector<crypto::Signer>& signers() const { return signers_; }
  const Bytes& signature() const { return signature_; }  // DER CMS; empty when unsigned
  Extent stored_extent(std::size_t image, std::uint64_t frame) const;
  Extent blocks_extent(std::size_t image) const;
  std::uint64_t size_bytes() const;  // of the whole bundle; a file of another size is refused (kTrailing, kTruncated)

  // Whether fetch_frame may be called for any frame at any time, by several threads at once. If not: by one, frames in rising order.
  bool any_order() const { return source_->any_order(); }
  // The stored bytes of one frame into `stored` (resized), checked against the manifest.
  Result<> fetch_frame(std::size_t image, std::uint64_t frame, Bytes& stored);
  // Frames that follow each other, from `first`, one to each of `stored`: they are checked together, which is faster (crypto::sha256_each).
  Result<> fetch_frames(std::size_t image, std::uint64_t first, std::span<Bytes> stored);
  // The same check for stored bytes that came another way. Errors: kStoredDigest.
  Result<> check_stored(std::size_t image, std::uint64_t frame, ByteView stored) const;
  // An image's section of blocks (none: empty), checked against the manifest; BlockTable parses it. Of a stream after all frames.
  Result<> fetch_blocks(std::size_t image, Bytes& section);
  // The same check for one that came another way. Errors: kBlocksDigest.
  Result<> check_blocks(std::size_t image, ByteView section) const;
  // After the last frame (and sections of blocks, where wanted): that the source ends where the bundle does.
  Result<> check_end();

 private:
  Reader() = default;
  static Result<Reader> from_preamble(ByteSource& source, Preamble preamble);
  Result<> lay_out();
  Result<> check_stored(std::size_t image, std::uint64_t frame, ByteView stored, const Digest& digest) const;
  Result<> read(std::uint64_t offset, MutableByteView buffer);

  ByteSource* source_ = nullptr;
  Manifest manifest_;
  std::string manifest_text_;
  Digest manifest_sha256_{};
  std::vector<crypto::Signer> signers_;
  Bytes signature_;
  std::uint64_t payload_offset_ = 0;
  std::uint64_t position_ = 0;                             // the farthest byte read so far, where there is an order
  std::vector<std::vector<std::uint64_t>> frame_offsets_;  // per image, relative to payload_offset_, and where its last frame ends
  std::vector<std::uint64_t> blocks_offsets_;              // likewise per image, and where the bundle ends
};

// Turns stored frames into content. One per thread. Memory: one decoder context (window at most the frame size).
class FrameDecoder {
 public:
  FrameDecoder();
  FrameDecoder(FrameDecoder&&) noexcept;
  ~FrameDecoder();
  // content.size() must be the frame's content size; output of any other size, or digest, is an error. Never writes past content.
  Result<> decode(const Image& image, std::uint64_t frame, ByteView stored, MutableByteView content);
  // Frames that follow each other, from `first`, into content that does so too. They are checked together, once all are decoded.
  Result<> decode(const Image& image, std::uint64_t first, std::span<const Bytes> stored, MutableByteView content);

 private:
  Result<> unpack(const Image& image, std::uint64_t frame, ByteView stored, MutableByteView content);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace aloft::bundle
