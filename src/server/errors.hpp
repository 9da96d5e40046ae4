// Error numbers 9060-9099: who may ask the server, and for what.
#pragma once

#include "base/result.hpp"

namespace aloft::server {

inline constexpr ErrorCode kNotAuthenticated{9060, ErrorKind::ask, "not-authenticated"};
inline constexpr ErrorCode kBadCredentials{9061, ErrorKind::ask, "bad-credentials"};
inline constexpr ErrorCode kTooManyAttempts{9062, ErrorKind::retry, "too-many-attempts"};
inline constexpr ErrorCode kSetupToken{9063, ErrorKind::ask, "setup-token"};
inline constexpr ErrorCode kSetupDone{9064, ErrorKind::ask, "setup-done"};
inline constexpr ErrorCode kWeakPassword{9065, ErrorKind::ask, "weak-password"};
inline constexpr ErrorCode kChallenge{9066, ErrorKind::retry, "challenge"};
inline constexpr ErrorCode kArtifactNotAssigned{9067, ErrorKind::ask, "artifact-not-assigned"};
inline constexpr ErrorCode kArtifactMissing{9068, ErrorKind::ask, "artifact-missing"};
inline constexpr ErrorCode kBadParameter{9069, ErrorKind::reject, "bad-parameter"};
inline constexpr ErrorCode kDeltaFailed{9076, ErrorKind::retry, "delta-failed"};
inline constexpr ErrorCode kForeignPage{9090, ErrorKind::ask, "foreign-page"};
inline constexpr ErrorCode kNotPermitted{9075, ErrorKind::ask, "not-permitted"};

}  // namespace aloft::server
