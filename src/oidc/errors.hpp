// Error numbers 9700-9719: signing in by OpenID Connect.
#pragma once

#include "base/result.hpp"

namespace aloft::oidc {

inline constexpr ErrorCode kSignOnOff{9700, ErrorKind::ask, "sign-on-off"};
inline constexpr ErrorCode kProviderDown{9701, ErrorKind::retry, "provider-down"};
inline constexpr ErrorCode kProviderAnswer{9702, ErrorKind::ask, "provider-answer"};
inline constexpr ErrorCode kProviderRefused{9703, ErrorKind::ask, "provider-refused"};
inline constexpr ErrorCode kSignInStale{9704, ErrorKind::ask, "sign-in-stale"};
inline constexpr ErrorCode kTokenForm{9705, ErrorKind::reject, "token-form"};
inline constexpr ErrorCode kTokenAlgorithm{9706, ErrorKind::reject, "token-algorithm"};
inline constexpr ErrorCode kTokenKey{9707, ErrorKind::reject, "token-key"};
inline constexpr ErrorCode kTokenSignature{9708, ErrorKind::reject, "token-signature"};
inline constexpr ErrorCode kTokenClaims{9709, ErrorKind::reject, "token-claims"};
inline constexpr ErrorCode kNoRole{9710, ErrorKind::ask, "no-role"};
inline constexpr ErrorCode kSignOnBusy{9711, ErrorKind::retry, "sign-on-busy"};

}  // namespace aloft::oidc
