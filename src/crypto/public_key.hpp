// By what people tell one public key from another.
#pragma once

#include "crypto/sha256.hpp"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace aloft::crypto {

// SHA-256 of the DER of its SubjectPublicKeyInfo; of a private key, that of its public half.
Result<Digest> public_key_sha256(const evp_pkey_st* key);

}  // namespace aloft::crypto
