// Key pairs: those that name devices, and those that sign bundles and certificates.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace aloft::crypto {

enum class KeyType : std::uint8_t { ed25519, p256, rsa3072 };

// What we call the kind of a key: "ed25519", "ecdsa-p256", "rsa-3072". Errors: kWeakKey (RSA below 2048 bits), kUnsupportedAlgorithm.
Result<std::string> algorithm_of(const evp_pkey_st* key);

// Immutable; may be shared between threads. The secret never appears in an error.
class PrivateKey {
 public:
  static Result<PrivateKey> generate(KeyType type);
  // PEM without a passphrase: PKCS#8, or OpenSSL's older forms. Errors: kBadKey, kWeakKey, kUnsupportedAlgorithm.
  static Result<PrivateKey> from_pem(std::string_view pem);
  static Result<PrivateKey> load(const std::filesystem::path& path);

  // PKCS#8 PEM, readable by the owner only (0600), replaced durably.
  Result<> save(const std::filesystem::path& path) const;
  std::string public_pem() const;  // SubjectPublicKeyInfo
  const std::string& algorithm() const { return algorithm_; }

  // Ed25519: 64 bytes over the message. ECDSA: DER over its SHA-256, deterministic (RFC 6979). RSA: PKCS#1 v1.5 over its SHA-256.
  // The same key and message always give the same bytes.
  Result<Bytes> sign(ByteView message) const;

  evp_pkey_st* native() const { return key_.get(); }

 private:
  PrivateKey(std::shared_ptr<evp_pkey_st> key, std::string algorithm) : key_(std::move(key)), algorithm_(std::move(algorithm)) {}
  std::shared_ptr<evp_pkey_st> key_;
  std::string algorithm_;
};

// The counterpart of PrivateKey::sign, for a SubjectPublicKeyInfo in PEM. Errors: kBadSignature, kBadKey, kWeakKey, kUnsupportedAlgorithm.
Result<> verify_signature(std::string_view public_pem, ByteView message, ByteView signature);

}  // namespace aloft::crypto
