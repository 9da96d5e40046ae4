// The signed manifest: what a bundle is for and what is in it. Text form and rules: docs/bundle-format.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "bundle/verity.hpp"
#include "crypto/sha256.hpp"

namespace aloft::bundle {

using crypto::Digest;

inline constexpr std::uint64_t kMaxManifestBytes = 64ULL << 20;
inline constexpr std::uint64_t kMaxSignatureBytes = 64ULL << 10;
inline constexpr std::uint32_t kMinFrameBytes = 64U << 10;
inline constexpr std::uint32_t kMaxFrameBytes = 4U << 20;
inline constexpr std::uint32_t kDefaultFrameBytes = 256U << 10;
inline constexpr std::uint64_t kBlockBytes = 4096;
inline constexpr std::size_t kBlockEntryBytes = 8;  // of the section of blocks
inline constexpr std::size_t kMaxImages = 64;

// The most that a zstd frame of this much content may take in a bundle.
constexpr std::uint32_t max_stored_bytes(std::uint32_t content_bytes) { return content_bytes + content_bytes / 256 + 64; }

// raw: bytes for a block device. tar: a file tree as an uncompressed tar archive. file: one file's content. payload: bytes that only a
// handler on the device understands. ubifs: as mkfs.ubifs makes it, for a UBI volume. Which slot takes what: storage/slot.cpp.
inline constexpr std::array<std::string_view, 5> kImageTypes = {"raw", "tar", "file", "payload", "ubifs"};
bool is_image_type(std::string_view type);

enum class Encoding : std::uint8_t { none, zstd };

// A frame as it lies in the bundle. With Encoding::none it is the content itself.
struct StoredFrame {
  std::uint32_t size_bytes;
  Digest sha256;  // of the stored bytes, so that no decoder ever sees bytes that nobody signed for
};

struct Image {
  std::string name;                                     // 1-64 of [a-z0-9._-], first a letter or digit, unique within the bundle
  std::string slot_class;                               // likewise: "rootfs", "boot", ...
  std::string type;                                     // one of kImageTypes
  std::uint64_t size_bytes = 0;                         // 1 .. 2^62
  Digest sha256{};                                      // of the whole content
  std::uint32_t frame_size_bytes = kDefaultFrameBytes;  // a power of two; the last frame may be shorter
  std::vector<Digest> frames;                           // of each frame's content
  Encoding encoding = Encoding::zstd;
  std::vector<StoredFrame> stored;  // one per frame
  std::optional<Digest> blocks;     // of the section that names its blocks of 4 KiB, when they are packed one by one (blocks.hpp)

  std::optional<Verity> verity;  // of a raw image whose content is data and their dm-verity tree

  std::uint64_t frame_count() const;
  std::uint32_t frame_content_bytes(std::uint64_t frame) const;  // frame_size_bytes, or what is left in the last
  std::uint64_t blocks_section_bytes() const;                    // 0 without one; looks at every frame
};

struct Manifest {
  std::string product;
  std::vector<std::string> hardware;  // revisions it is for; at least one
  std::string version;
  std::uint64_t security_version = 0;  // the rollback floor: a device never goes below the highest it committed
  std::string description;
  std::vector<Image> images;  // at least one; all are switched together or not at all
};

// Strict. Everything derivable is checked here: counts, sums that stay below 2^63, names, digest sizes, stored sizes within what the
// encoding can need. Errors: kManifest... (3000-3099), kBadJson.
Result<Manifest> parse_manifest(std::string_view text);
// The one text of a manifest: same value, same bytes.
std::string serialize_manifest(const Manifest& manifest);

}  // namespace aloft::bundle
