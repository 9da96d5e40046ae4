#define OPENSSL_SUPPRESS_DEPRECATED  // ECDSA_do_sign_ex, which takes the nonce: OpenSSL 3.0's EVP interface has no deterministic mode
#include "crypto/ecdsa.hpp"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>

#include <array>
#include <initializer_list>

#include "crypto/errors.hpp"
#include "crypto/openssl.hpp"

namespace aloft::crypto {
namespace {

using BnPtr = Owned<BIGNUM, BN_clear_free>;
using BnCtxPtr = Owned<BN_CTX, BN_CTX_free>;
using EcKeyPtr = Owned<EC_KEY, EC_KEY_free>;
using PointPtr = Owned<EC_POINT, EC_POINT_free>;
using SignaturePtr = Owned<ECDSA_SIG, ECDSA_SIG_free>;
using Octets = std::array<unsigned char, 32>;

std::unexpected<Error> failed() { return fail(openssl_error(kCrypto, "cannot sign with ECDSA")); }

void hmac(Octets& out, const Octets& key, std::initializer_list<std::span<const unsigned char>> parts) {
  std::array<unsigned char, 32 + 1 + 32 + 32> text;
  std::size_t size = 0;
  for (const auto part : parts) {
    std::ranges::copy(part, text.begin() + static_cast<std::ptrdiff_t>(size));
    size += part.size();
  }
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), text.data(), size, out.data(), nullptr);
  OPENSSL_cleanse(text.data(), text.size());
}

// RFC 6979 section 3.2, for qlen = hlen = 256 bits.
class Nonces {
 public:
  Nonces(const Octets& secret, const Octets& reduced_digest) {
    v_.fill(1);
    k_.fill(0);
    constexpr std::array<unsigned char, 2> kSteps{0, 1};
    for (const unsigned char& step : kSteps) {
      hmac(k_, k_, {v_, {&step, 1}, secret, reduced_digest});
      hmac(v_, k_, {v_});
    }
  }
  ~Nonces() {
    OPENSSL_cleanse(k_.data(), k_.size());
    OPENSSL_cleanse(v_.data(), v_.size());
  }
  Nonces(const Nonces&) = delete;
  Nonces& operator=(const Nonces&) = delete;

  BnPtr next(const BIGNUM* order) {
    for (;;) {
      hmac(v_, k_, {v_});
      BnPtr candidate(BN_bin2bn(v_.data(), static_cast<int>(v_.size()), nullptr));
      constexpr unsigned char kZero = 0;
      hmac(k_, k_, {v_, {&kZero, 1}});
      Octets advanced;
      hmac(advanced, k_, {v_});
      if (candidate && !BN_is_zero(candidate.get()) && BN_cmp(candidate.get(), order) < 0) return candidate;
      if (!candidate) return nullptr;
      v_ = advanced;
    }
  }

 private:
  Octets k_;
  Octets v_;
};

}  // namespace

Result<Bytes> sign_ecdsa_p256(const evp_pkey_st* key, const Digest& digest) {
  BIGNUM* raw_secret = nullptr;
  if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &raw_secret) != 1) return failed();
  const BnPtr secret(raw_secret);
  const EcKeyPtr ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  const BnCtxPtr bn(BN_CTX_secure_new());
  const BnPtr reduced(BN_bin2bn(reinterpret_cast<const unsigned char*>(digest.data()), static_cast<int>(digest.size()), nullptr));
  if (!ec || !bn || !reduced || EC_KEY_set_private_key(ec.get(), secret.get()) != 1) return failed();
  const EC_GROUP* group = EC_KEY_get0_group(ec.get());
  const BIGNUM* order = EC_GROUP_get0_order(group);
  if (BN_nnmod(reduced.get(), reduced.get(), order, bn.get()) != 1) return failed();

  Octets secret_octets;
  Octets digest_octets;
  if (BN_bn2binpad(secret.get(), secret_octets.data(), 32) != 32 || BN_bn2binpad(reduced.get(), digest_octets.data(), 32) != 32)
    return failed();
  Nonces nonces(secret_octets, digest_octets);
  OPENSSL_cleanse(secret_octets.data(), secret_octets.size());

  const BnPtr nonce = nonces.next(order);
  const PointPtr point(EC_POINT_new(group));
  const BnPtr r(BN_new());
  const BnPtr inverse(BN_secure_new());
  if (!nonce || !point || !r || !inverse) return failed();
  BN_set_flags(nonce.get(), BN_FLG_CONSTTIME);
  if (EC_POINT_mul(group, point.get(), nonce.get(), nullptr, nullptr, bn.get()) != 1 ||
      EC_POINT_get_affine_coordinates(group, point.get(), r.get(), nullptr, bn.get()) != 1 ||
      BN_nnmod(r.get(), r.get(), order, bn.get()) != 1 || BN_mod_inverse(inverse.get(), nonce.get(), order, bn.get()) == nullptr)
    return failed();
  const SignaturePtr signature(ECDSA_do_sign_ex(reinterpret_cast<const unsigned char*>(digest.data()), static_cast<int>(digest.size()),
                                                inverse.get(), r.get(), ec.get()));
  if (!signature) return failed();  // r or s of zero would end here too; no one has met one
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  if (size <= 0) return failed();
  Bytes out(reinterpret_cast<std::byte*>(der), reinterpret_cast<std::byte*>(der) + size);
  OPENSSL_free(der);
  return out;
}

}  // namespace aloft::crypto
