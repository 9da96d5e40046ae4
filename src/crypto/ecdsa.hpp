// Deterministic ECDSA over P-256 with SHA-256 (RFC 6979): the same key and message always give the same signature.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "crypto/sha256.hpp"

struct evp_pkey_st;

namespace aloft::crypto {

// DER (SEQUENCE of r and s). The key must be a P-256 private key. Errors: kCrypto.
Result<Bytes> sign_ecdsa_p256(const evp_pkey_st* key, const Digest& digest);

}  // namespace aloft::crypto
