// The check of a signer's certificate: its chain up to an anchor, and what it may be used for.
#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "crypto/openssl.hpp"

namespace aloft::crypto {

// RFC 5280 path validation at `now` with the store's anchors and CRLs, using the given intermediate certificates (may be nullptr).
// The signer needs key usage digitalSignature and extended key usage codeSigning; an intermediate that names extended key usages must
// name codeSigning. Keys and digests below 112 bits of strength are refused. Errors: 2005-2012.
Result<> check_chain(X509_STORE* store, X509* signer, STACK_OF(X509) * intermediates, WallTime now);

// What every check of a chain keeps to: the time, how long a chain may be, the strength of keys and digests.
void limit_chain(X509_VERIFY_PARAM* parameters, WallTime now);
// 2005-2012, of an X509_V_ERR_*.
ErrorCode code_of_verify_error(int error);
std::string subject_of(X509* certificate);  // RFC 2253 text

}  // namespace aloft::crypto
