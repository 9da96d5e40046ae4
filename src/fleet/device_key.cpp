#include "fleet/device_key.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

#include "base/bytes.hpp"
#include "crypto/key.hpp"
#include "crypto/public_key.hpp"
#include "fleet/errors.hpp"

namespace aloft::fleet {

Result<crypto::Digest> device_key_sha256(std::string_view public_pem) {
  const auto refused = [] {
    ERR_clear_error();
    return fail(kDeviceKey, "a device's public key must be Ed25519 or ECDSA P-256, as SubjectPublicKeyInfo in PEM");
  };
  if (!public_pem.starts_with("-----BEGIN PUBLIC KEY-----")) return refused();
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new_mem_buf(public_pem.data(), static_cast<int>(public_pem.size())), BIO_free);
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  if (!key) return refused();
  const Result<std::string> algorithm = crypto::algorithm_of(key.get());
  if (!algorithm || (*algorithm != "ed25519" && *algorithm != "ecdsa-p256")) return refused();
  const Result<crypto::Digest> digest = crypto::public_key_sha256(key.get());
  if (!digest) return refused();
  return digest;
}

}  // namespace aloft::fleet
