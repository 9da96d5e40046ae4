#include "crypto/public_key.hpp"

#include <openssl/crypto.h>

#include <span>

#include "crypto/errors.hpp"
#include "crypto/openssl.hpp"

namespace aloft::crypto {

Result<Digest> public_key_sha256(const EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return fail(openssl_error(kBadKey, "cannot write a public key as DER"));
  const Digest digest = sha256(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  return digest;
}

}  // namespace aloft::crypto
