// Error numbers 3000-3099: the bundle's container, manifest and content, and what a device says to it.
#pragma once

#include "base/result.hpp"

namespace aloft::bundle {

inline constexpr ErrorCode kNotABundle{3000, ErrorKind::reject, "not-a-bundle"};
inline constexpr ErrorCode kTruncated{3001, ErrorKind::reject, "bundle-truncated"};
inline constexpr ErrorCode kContainerVersion{3002, ErrorKind::reject, "container-version"};
inline constexpr ErrorCode kBadHeader{3003, ErrorKind::reject, "bad-header"};
inline constexpr ErrorCode kHeaderChecksum{3004, ErrorKind::reject, "header-checksum"};
inline constexpr ErrorCode kTrailing{3005, ErrorKind::reject, "trailing-bytes"};
inline constexpr ErrorCode kBadManifest{3006, ErrorKind::reject, "bad-manifest"};
inline constexpr ErrorCode kManifestFormat{3007, ErrorKind::reject, "manifest-format"};
inline constexpr ErrorCode kStoredDigest{3008, ErrorKind::reject, "frame-stored-digest"};
inline constexpr ErrorCode kBadFrame{3009, ErrorKind::reject, "bad-frame"};
inline constexpr ErrorCode kFrameDigest{3010, ErrorKind::reject, "frame-digest"};
inline constexpr ErrorCode kBlocksDigest{3011, ErrorKind::reject, "blocks-digest"};
inline constexpr ErrorCode kUnsigned{3012, ErrorKind::reject, "unsigned"};
inline constexpr ErrorCode kImageDigest{3013, ErrorKind::reject, "image-digest"};
inline constexpr ErrorCode kStreamOrder{3014, ErrorKind::bug, "stream-order"};
inline constexpr ErrorCode kVerityTree{3015, ErrorKind::reject, "verity-tree"};
inline constexpr ErrorCode kBadBlocks{3016, ErrorKind::reject, "bad-blocks"};
inline constexpr ErrorCode kStreamGivenUp{3017, ErrorKind::ask, "stream-given-up"};

inline constexpr ErrorCode kWrongProduct{3020, ErrorKind::reject, "wrong-product"};
inline constexpr ErrorCode kWrongHardware{3021, ErrorKind::reject, "wrong-hardware"};
inline constexpr ErrorCode kBelowFloor{3022, ErrorKind::reject, "below-floor"};
inline constexpr ErrorCode kNoSlot{3023, ErrorKind::reject, "no-slot"};
inline constexpr ErrorCode kSlotType{3024, ErrorKind::reject, "slot-type"};
inline constexpr ErrorCode kSlotTooSmall{3025, ErrorKind::reject, "slot-too-small"};
inline constexpr ErrorCode kSharedFirst{3026, ErrorKind::reject, "shared-slot-first"};

inline constexpr ErrorCode kBadRecipe{3030, ErrorKind::ask, "bad-recipe"};
inline constexpr ErrorCode kImageChanged{3031, ErrorKind::retry, "image-changed"};
inline constexpr ErrorCode kCompression{3032, ErrorKind::bug, "compression"};

}  // namespace aloft::bundle
