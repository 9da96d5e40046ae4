// For tests: bundles made in memory, and a source that reads them.
#pragma once

#include "bundle/container.hpp"
#include "bundle/frame_encoder.hpp"
#include "bundle/reader.hpp"
#include "crypto/test_pki.hpp"

namespace aloft::bundle::test {

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(Bytes bytes, bool any_order = false) : bytes_(std::move(bytes)), any_order_(any_order) {}
  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView buffer) override {
    if (offset >= bytes_.size()) return std::size_t{0};
    const std::size_t count = std::min(buffer.size(), bytes_.size() - static_cast<std::size_t>(offset));
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), count, buffer.begin());
    return count;
  }
  bool any_order() const override { return any_order_; }

 private:
  Bytes bytes_;
  bool any_order_;
};

struct TestImage {
  std::string name;
  Bytes content;
  Encoding encoding = Encoding::zstd;
  BlockNames blocks = BlockNames::omit;
};

// Content that compresses to about half, the same for the same seed.
inline Bytes test_content(std::size_t size_bytes, std::uint32_t seed = 1) {
  Bytes content(size_bytes);
  std::uint32_t state = seed * 2654435761U + 1;
  for (std::size_t i = 0; i < size_bytes; ++i) {
    state = state * 1664525U + 1013904223U;
    content[i] = i % 64 < 32 ? std::byte{'a'} : static_cast<std::byte>(state >> 24);
  }
  return content;
}

struct Built {
  Manifest manifest;
  Bytes payload;
};

// The manifest and payload of the images, with 64 KiB frames, each for the slot class of its name.
inline Built build(const std::vector<TestImage>& images, const std::string& version = "1.0") {
  Built built{.manifest = {.product = "lab-gateway", .hardware = {"rev-a"}, .version = version}, .payload = {}};
  Bytes sections;
  for (const auto& input : images) {
    Image image{.name = input.name, .slot_class = input.name, .type = "raw", .size_bytes = input.content.size()};
    image.sha256 = crypto::sha256(input.content);
    image.frame_size_bytes = kMinFrameBytes;
    image.encoding = input.encoding;
    FrameEncoder encoder(input.encoding, 3, kMinFrameBytes, input.blocks);
    Bytes entries;
    for (std::uint64_t frame = 0; frame < image.frame_count(); ++frame) {
      PackedFrame packed;
      crypto::test::must(encoder.encode(ByteView(input.content).subspan(frame * kMinFrameBytes, image.frame_content_bytes(frame)), packed));
      image.frames.push_back(packed.content_sha256);
      image.stored.push_back({static_cast<std::uint32_t>(packed.stored.size()), packed.stored_sha256});
      built.payload.insert(built.payload.end(), packed.stored.begin(), packed.stored.end());
      entries.insert(entries.end(), packed.block_entries.begin(), packed.block_entries.end());
    }
    if (input.blocks == BlockNames::include) {
      image.blocks = crypto::sha256(entries);
      sections.insert(sections.end(), entries.begin(), entries.end());
    }
    built.manifest.images.push_back(std::move(image));
  }
  built.payload.insert(built.payload.end(), sections.begin(), sections.end());
  return built;
}

// The bundle's bytes. Any manifest text is signed, good or bad.
inline Bytes sealed(std::string_view manifest_text, ByteView payload, const std::vector<crypto::SigningIdentity>& signers) {
  const Bytes signature = signers.empty() ? Bytes{} : crypto::test::must(crypto::sign_detached(as_bytes(manifest_text), signers));
  Bytes bytes = encode_preamble(manifest_text, signature);
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

inline Bytes sealed(const Built& built, const std::vector<crypto::SigningIdentity>& signers) {
  return sealed(serialize_manifest(built.manifest), built.payload, signers);
}

}  // namespace aloft::bundle::test
