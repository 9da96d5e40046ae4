// The content of a bundle's image, by offset.
#pragma once

#include <vector>

#include "bundle/reader.hpp"

namespace aloft::patch {

// Frames are decoded, and checked against the manifest, as they are needed; the last few stay. One thread at a time. The reader must
// outlive this and have a source in any order. Memory: eight frames. Errors of read_at: the reader's and decoder's.
class BundleImage final : public ByteSource {
 public:
  BundleImage(bundle::Reader& reader, std::size_t image) : reader_(reader), index_(image), kept_(kKept) {}
  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView buffer) override;
  bool any_order() const override { return false; }

 private:
  static constexpr std::size_t kKept = 8;
  struct Kept {
    std::uint64_t frame = UINT64_MAX;
    std::uint64_t used = 0;
    Bytes content;
  };
  Result<ByteView> frame(std::uint64_t number);
  bundle::Reader& reader_;
  const std::size_t index_;
  bundle::FrameDecoder decoder_;
  Bytes stored_;
  std::vector<Kept> kept_;
  std::uint64_t uses_ = 0;
};

}  // namespace aloft::patch
