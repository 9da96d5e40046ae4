// Error numbers 2000-2099: keys, certificates, signatures.
#pragma once

#include "base/result.hpp"

namespace aloft::crypto {

inline constexpr ErrorCode kCrypto{2000, ErrorKind::bug, "crypto"};
inline constexpr ErrorCode kTrustStore{2001, ErrorKind::ask, "trust-store"};
inline constexpr ErrorCode kCmsMalformed{2002, ErrorKind::reject, "cms-malformed"};
inline constexpr ErrorCode kNoSigners{2003, ErrorKind::reject, "no-signers"};
inline constexpr ErrorCode kBadSignature{2004, ErrorKind::reject, "bad-signature"};
inline constexpr ErrorCode kUntrusted{2005, ErrorKind::reject, "untrusted"};
inline constexpr ErrorCode kExpired{2006, ErrorKind::reject, "certificate-expired"};
inline constexpr ErrorCode kNotYetValid{2007, ErrorKind::retry, "certificate-not-yet-valid"};
inline constexpr ErrorCode kRevoked{2008, ErrorKind::reject, "certificate-revoked"};
inline constexpr ErrorCode kWrongPurpose{2009, ErrorKind::reject, "certificate-wrong-purpose"};
inline constexpr ErrorCode kNoCrl{2010, ErrorKind::ask, "no-crl"};
inline constexpr ErrorCode kCrlExpired{2011, ErrorKind::ask, "crl-expired"};
inline constexpr ErrorCode kWeakKey{2012, ErrorKind::reject, "weak-key"};
inline constexpr ErrorCode kUnsupportedAlgorithm{2013, ErrorKind::reject, "unsupported-algorithm"};
inline constexpr ErrorCode kNoSignerCertificate{2014, ErrorKind::reject, "no-signer-certificate"};
inline constexpr ErrorCode kBadKey{2015, ErrorKind::ask, "bad-key"};
inline constexpr ErrorCode kBadCertificate{2016, ErrorKind::ask, "bad-certificate"};
inline constexpr ErrorCode kKeyMismatch{2017, ErrorKind::ask, "key-mismatch"};

}  // namespace aloft::crypto
