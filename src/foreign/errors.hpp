// Error numbers 3400-3449: update files of other projects.
#pragma once

#include "base/result.hpp"

namespace aloft::foreign {

inline constexpr ErrorCode kBadArchive{3400, ErrorKind::reject, "bad-archive"};
inline constexpr ErrorCode kBadDescription{3401, ErrorKind::reject, "bad-description"};
inline constexpr ErrorCode kBadRaucBundle{3402, ErrorKind::reject, "bad-rauc-bundle"};
inline constexpr ErrorCode kImageMissing{3403, ErrorKind::reject, "image-missing"};
inline constexpr ErrorCode kImageDigest{3404, ErrorKind::reject, "image-digest"};
inline constexpr ErrorCode kSayMore{3405, ErrorKind::ask, "say-more"};

}  // namespace aloft::foreign
