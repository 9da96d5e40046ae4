// Error numbers 7000-7099: reaching servers and reading from them.
#pragma once

#include "base/result.hpp"

namespace aloft::net {

inline constexpr ErrorCode kBadUrl{7000, ErrorKind::ask, "bad-url"};
inline constexpr ErrorCode kCannotResolve{7001, ErrorKind::retry, "cannot-resolve"};
inline constexpr ErrorCode kCannotConnect{7002, ErrorKind::retry, "cannot-connect"};
inline constexpr ErrorCode kTlsUntrusted{7003, ErrorKind::ask, "tls-untrusted"};
inline constexpr ErrorCode kPinMismatch{7004, ErrorKind::ask, "tls-pin-mismatch"};
inline constexpr ErrorCode kTlsFailed{7005, ErrorKind::retry, "tls-failed"};
inline constexpr ErrorCode kClientCertificate{7006, ErrorKind::ask, "client-certificate"};
inline constexpr ErrorCode kTimeout{7007, ErrorKind::retry, "timeout"};
inline constexpr ErrorCode kConnectionBroken{7008, ErrorKind::retry, "connection-broken"};
inline constexpr ErrorCode kBodyTooLarge{7009, ErrorKind::reject, "body-too-large"};
inline constexpr ErrorCode kServerRefused{7010, ErrorKind::ask, "server-refused"};
inline constexpr ErrorCode kServerBusy{7011, ErrorKind::retry, "server-busy"};
inline constexpr ErrorCode kBadReply{7012, ErrorKind::retry, "bad-reply"};
inline constexpr ErrorCode kCancelled{7013, ErrorKind::retry, "cancelled"};
inline constexpr ErrorCode kContentChanged{7014, ErrorKind::retry, "content-changed"};
inline constexpr ErrorCode kGaveUp{7015, ErrorKind::retry, "gave-up"};
inline constexpr ErrorCode kUnauthorized{7016, ErrorKind::ask, "unauthorized"};
inline constexpr ErrorCode kSshHostUnknown{7017, ErrorKind::ask, "ssh-host-unknown"};
inline constexpr ErrorCode kSshHostChanged{7018, ErrorKind::ask, "ssh-host-changed"};
inline constexpr ErrorCode kAddressNotPublic{7019, ErrorKind::ask, "address-not-public"};

}  // namespace aloft::net
