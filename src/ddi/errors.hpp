// Error numbers 9720-9739: hawkBit's device protocol.
#pragma once

#include "base/result.hpp"

namespace aloft::ddi {

inline constexpr ErrorCode kTenantUnknown{9720, ErrorKind::ask, "tenant-unknown"};
inline constexpr ErrorCode kActionClosed{9721, ErrorKind::ask, "action-closed"};
inline constexpr ErrorCode kReportedFailure{9722, ErrorKind::retry, "ddi-reported-failure"};
inline constexpr ErrorCode kAutoConfirm{9723, ErrorKind::ask, "auto-confirm"};
inline constexpr ErrorCode kPrecondition{9724, ErrorKind::reject, "precondition"};
inline constexpr ErrorCode kNoSingleBundle{9725, ErrorKind::reject, "no-single-bundle"};
inline constexpr ErrorCode kNoDownloadLink{9726, ErrorKind::reject, "no-download-link"};

}  // namespace aloft::ddi
