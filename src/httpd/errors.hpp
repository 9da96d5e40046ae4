// Error numbers 9500-9549: serving HTTP.
#pragma once

#include "base/result.hpp"

namespace aloft::httpd {

inline constexpr ErrorCode kBadRequest{9500, ErrorKind::reject, "bad-request"};
inline constexpr ErrorCode kNoSuchPath{9501, ErrorKind::ask, "no-such-path"};
inline constexpr ErrorCode kMethodNotAllowed{9502, ErrorKind::ask, "method-not-allowed"};
inline constexpr ErrorCode kRequestTooLarge{9503, ErrorKind::reject, "request-too-large"};
inline constexpr ErrorCode kHeaderTooLarge{9504, ErrorKind::reject, "header-too-large"};
inline constexpr ErrorCode kTooSlow{9505, ErrorKind::retry, "too-slow"};
inline constexpr ErrorCode kBadRange{9506, ErrorKind::reject, "bad-range"};
inline constexpr ErrorCode kLengthRequired{9507, ErrorKind::reject, "length-required"};
inline constexpr ErrorCode kCannotListen{9508, ErrorKind::ask, "cannot-listen"};
inline constexpr ErrorCode kTlsSetup{9509, ErrorKind::ask, "tls-setup"};
inline constexpr ErrorCode kConnectionLost{9510, ErrorKind::retry, "connection-lost"};
inline constexpr ErrorCode kHandlerFailed{9511, ErrorKind::bug, "handler-failed"};
inline constexpr ErrorCode kServerFull{9512, ErrorKind::retry, "server-full"};
inline constexpr ErrorCode kBodiesFull{9513, ErrorKind::retry, "bodies-full"};

}  // namespace aloft::httpd
