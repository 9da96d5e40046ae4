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
inline constexpr ErrorCode kDeviceCertificate{9077, ErrorKind::ask, "device-certificate"};
inline constexpr ErrorCode kArtifactUnreadable{9078, ErrorKind::retry, "artifact-unreadable"};
inline constexpr ErrorCode kNoSuchSite{9080, ErrorKind::ask, "no-such-site"};
inline constexpr ErrorCode kTenantName{9081, ErrorKind::reject, "tenant-name"};
inline constexpr ErrorCode kTenantExists{9082, ErrorKind::ask, "tenant-exists"};
inline constexpr ErrorCode kNoSuchTenant{9083, ErrorKind::ask, "no-such-tenant"};
inline constexpr ErrorCode kTenantHost{9084, ErrorKind::reject, "tenant-host"};
inline constexpr ErrorCode kTenantsOff{9085, ErrorKind::ask, "tenants-off"};
inline constexpr ErrorCode kTenantSettled{9086, ErrorKind::ask, "tenant-settled"};
inline constexpr ErrorCode kForeignPage{9090, ErrorKind::ask, "foreign-page"};
inline constexpr ErrorCode kNotPermitted{9075, ErrorKind::ask, "not-permitted"};

}  // namespace aloft::server
