#include "crypto/key.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/errors.hpp"
#include "base/file.hpp"
#include "crypto/ecdsa.hpp"
#include "crypto/errors.hpp"
#include "crypto/openssl.hpp"

namespace aloft::crypto {
namespace {

constexpr int kMinRsaBits = 2048;
constexpr std::uint64_t kMaxKeyBytes = 64 << 10;

int no_passphrase(char*, int, int, void*) { return -1; }  // OpenSSL would ask on the terminal

const EVP_MD* digest_for(const EVP_PKEY* key) { return EVP_PKEY_is_a(key, "ED25519") == 1 ? nullptr : EVP_sha256(); }

const unsigned char* data_of(ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

EVP_PKEY* generate_native(KeyType type) {
  switch (type) {
    case KeyType::ed25519: return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    case KeyType::p256: return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
    case KeyType::rsa3072: return EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{3072});
  }
  return nullptr;
}

Result<Bytes> sign_natively(EVP_PKEY* key, ByteView message) {
  const MdCtxPtr context(EVP_MD_CTX_new());
  std::size_t size = 0;
  if (!context || EVP_DigestSignInit(context.get(), nullptr, digest_for(key), nullptr, key) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, data_of(message), message.size()) != 1)
    return fail(openssl_error(kCrypto, "cannot sign"));
  Bytes signature(size);
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data_of(message), message.size()) != 1)
    return fail(openssl_error(kCrypto, "cannot sign"));
  signature.resize(size);
  return signature;
}

}  // namespace

Result<std::string> algorithm_of(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "ED25519") == 1) return "ed25519";
  if (EVP_PKEY_is_a(key, "EC") == 1) {
    std::array<char, 64> group{};
    if (EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1 && std::string_view(group.data()) == SN_X9_62_prime256v1)
      return "ecdsa-p256";
    return fail(kUnsupportedAlgorithm, "the elliptic curve of the key is " + std::string(group.data()) + "; P-256 is the one supported");
  }
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits < kMinRsaBits) return fail(kWeakKey, "the RSA key has " + std::to_string(bits) + " bits; at least 2048 are needed");
    return "rsa-" + std::to_string(bits);
  }
  const char* name = EVP_PKEY_get0_type_name(key);
  return fail(kUnsupportedAlgorithm,
              "keys of type " + std::string(name == nullptr ? "?" : name) + " are not supported; use ECDSA P-256, Ed25519 or RSA");
}

Result<PrivateKey> PrivateKey::generate(KeyType type) {
  std::shared_ptr<EVP_PKEY> key(generate_native(type), EVP_PKEY_free);
  if (!key) return fail(openssl_error(kCrypto, "cannot generate a key"));
  auto algorithm = TRY(algorithm_of(key.get()));
  return PrivateKey(std::move(key), std::move(algorithm));
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
  const auto bio = reading(as_bytes(pem));
  std::shared_ptr<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr), EVP_PKEY_free);
  if (!key) {
    ERR_clear_error();
    return fail(kBadKey, pem.find("ENCRYPTED") != std::string_view::npos
                             ? "the private key is protected by a passphrase; decrypt it, or sign elsewhere and attach the signature"
                             : "no private key in PEM form found");
  }
  auto algorithm = TRY(algorithm_of(key.get()));
  return PrivateKey(std::move(key), std::move(algorithm));
}

Result<PrivateKey> PrivateKey::load(const std::filesystem::path& path) {
  const auto pem = TRY(read_file(path, kMaxKeyBytes));
  auto key = from_pem(pem);
  if (!key) return fail(Error(key.error()).within("private key " + path.string()));
  return key;
}

Result<> PrivateKey::save(const std::filesystem::path& path) const {
  const auto bio = writing();
  if (PEM_write_bio_PKCS8PrivateKey(bio.get(), native(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return fail(openssl_error(kCrypto, "cannot write a private key"));
  return replace_file(path, text_of(bio.get()), 0600);
}

std::string PrivateKey::public_pem() const {
  const auto bio = writing();
  PEM_write_bio_PUBKEY(bio.get(), native());
  return text_of(bio.get());
}

Result<Bytes> PrivateKey::sign(ByteView message) const {
  if (algorithm_ == "ecdsa-p256") return sign_ecdsa_p256(native(), sha256(message));
  return sign_natively(native(), message);
}

Result<> verify_signature(std::string_view public_pem, ByteView message, ByteView signature) {
  const auto bio = reading(as_bytes(public_pem));
  const PkeyPtr key(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr));
  if (!key) return fail(openssl_error(kBadKey, "no public key in PEM form found"));
  TRY(algorithm_of(key.get()));
  const MdCtxPtr context(EVP_MD_CTX_new());
  if (!context || EVP_DigestVerifyInit(context.get(), nullptr, digest_for(key.get()), nullptr, key.get()) != 1)
    return fail(openssl_error(kCrypto, "cannot verify a signature"));
  if (EVP_DigestVerify(context.get(), data_of(signature), signature.size(), data_of(message), message.size()) != 1) {
    ERR_clear_error();
    return fail(kBadSignature, "the signature is not of this message by this key");
  }
  return {};
}

}  // namespace aloft::crypto
