#include "crypto/chain.hpp"

#include <openssl/err.h>

#include "crypto/certificate.hpp"
#include "crypto/errors.hpp"

namespace aloft::crypto {
namespace {

constexpr int kMaxIntermediates = 8;
constexpr int kAuthLevel = 2;  // 112 bits: RSA from 2048, no SHA-1

struct Verdict {
  ErrorCode code;
  std::string_view advice;
};

Verdict verdict_of(int error) {
  switch (error) {
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_CRL_NOT_YET_VALID: return {kNotYetValid, "check the clock of this machine"};
    case X509_V_ERR_CERT_HAS_EXPIRED: return {kExpired, "check the clock of this machine, or sign with a current certificate"};
    case X509_V_ERR_CERT_REVOKED: return {kRevoked, "sign with another certificate"};
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_DIFFERENT_CRL_SCOPE:
      return {kNoCrl, "with any revocation list in the trust folder, every authority of a chain needs one there"};
    case X509_V_ERR_CRL_HAS_EXPIRED: return {kCrlExpired, "put the authority's current revocation list into the trust folder"};
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK: return {kWeakKey, "112 bits of strength are needed: RSA from 2048 bits, SHA-256"};
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE: return {kUntrusted, "a certificate or revocation list is damaged or forged"};
    case X509_V_ERR_INVALID_PURPOSE:
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
    case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN: return {kWrongPurpose, "the authority's certificate does not allow this"};
    default: return {kUntrusted, "no chain of certificates leads from the signer to an anchor of the trust folder"};
  }
}

bool has_extension(X509* certificate, unsigned flag) { return (X509_get_extension_flags(certificate) & flag) != 0; }

Result<> check_purposes(const STACK_OF(X509) * chain) {
  X509* const signer = sk_X509_value(chain, 0);
  if (!has_extension(signer, EXFLAG_KUSAGE) || (X509_get_key_usage(signer) & KU_DIGITAL_SIGNATURE) == 0)
    return fail(kWrongPurpose, subject_of(signer) + " lacks the key usage digitalSignature; sign with a code-signing certificate");
  if (!has_extension(signer, EXFLAG_XKUSAGE))
    return fail(kWrongPurpose, subject_of(signer) + " lacks the extended key usage codeSigning; sign with a code-signing certificate");
  for (int i = 0; i + 1 < std::max(sk_X509_num(chain), 2); ++i) {  // not the anchor, unless it signs itself
    X509* const certificate = sk_X509_value(chain, i);
    if (has_extension(certificate, EXFLAG_XKUSAGE) && (X509_get_extended_key_usage(certificate) & XKU_CODE_SIGN) == 0)
      return fail(kWrongPurpose, subject_of(certificate) + " is not for code signing; sign with a code-signing certificate");
  }
  return {};
}

}  // namespace

std::string subject_of(X509* certificate) {
  X509_up_ref(certificate);
  return Certificate(std::shared_ptr<X509>(certificate, X509_free)).subject();
}

ErrorCode code_of_verify_error(int error) { return verdict_of(error).code; }

void limit_chain(X509_VERIFY_PARAM* parameters, WallTime now) {
  X509_VERIFY_PARAM_set_time(parameters, std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count());
  X509_VERIFY_PARAM_set_depth(parameters, kMaxIntermediates);
  X509_VERIFY_PARAM_set_auth_level(parameters, kAuthLevel);
}

Result<> check_chain(X509_STORE* store, X509* signer, STACK_OF(X509) * intermediates, WallTime now) {
  const Owned<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  if (!context || X509_STORE_CTX_init(context.get(), store, signer, intermediates) != 1)
    return fail(openssl_error(kCrypto, "cannot check a certificate"));
  limit_chain(X509_STORE_CTX_get0_param(context.get()), now);
  if (X509_verify_cert(context.get()) != 1) {
    const int error = X509_STORE_CTX_get_error(context.get());
    X509* const at = X509_STORE_CTX_get_current_cert(context.get());
    ERR_clear_error();
    const auto verdict = verdict_of(error);
    return fail(verdict.code, "certificate " + subject_of(at == nullptr ? signer : at) + ": " + X509_verify_cert_error_string(error) +
                                  "; " + std::string(verdict.advice));
  }
  return check_purposes(X509_STORE_CTX_get0_chain(context.get()));
}

}  // namespace aloft::crypto
