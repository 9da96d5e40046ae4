#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "base/errors.hpp"
#include "crypto/certificate.hpp"
#include "crypto/errors.hpp"
#include "crypto/openssl.hpp"

namespace aloft::crypto {
namespace {

using SerialPtr = Owned<ASN1_INTEGER, ASN1_INTEGER_free>;
using TimePtr = Owned<ASN1_TIME, ASN1_TIME_free>;
using NamesPtr = Owned<GENERAL_NAMES, GENERAL_NAMES_free>;
using ExtensionPtr = Owned<X509_EXTENSION, X509_EXTENSION_free>;

std::time_t seconds(WallTime time) { return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count(); }

const EVP_MD* signing_digest(const PrivateKey& key) { return key.algorithm() == "ed25519" ? nullptr : EVP_sha256(); }

bool set_random_serial(X509* certificate) {
  std::array<unsigned char, 16> octets;
  if (RAND_bytes(octets.data(), static_cast<int>(octets.size())) != 1) return false;
  octets[0] = static_cast<unsigned char>((octets[0] & 0x7fU) | 0x40U);  // positive, and always 16 octets
  const Owned<BIGNUM, BN_free> number(BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_subject(X509* certificate, const std::string& common_name) {
  return X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common_name.data()), static_cast<int>(common_name.size()), -1,
                                    0) == 1;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

struct ProfileExtensions {
  const char* basic_constraints;
  const char* key_usage;
  const char* extended_key_usage;  // nullptr: none
};

ProfileExtensions extensions_of(Profile profile) {
  switch (profile) {
    case Profile::authority: return {"critical,CA:TRUE", "critical,keyCertSign,cRLSign", nullptr};
    case Profile::code_signing: return {"critical,CA:FALSE", "critical,digitalSignature", "critical,codeSigning"};
    case Profile::server: return {"critical,CA:FALSE", "critical,digitalSignature", "serverAuth"};
    case Profile::client: break;
  }
  return {"critical,CA:FALSE", "critical,digitalSignature", "clientAuth"};
}

Result<> add_names(X509* certificate, const std::vector<std::string>& names) {
  if (names.empty()) return {};
  const NamesPtr list(GENERAL_NAMES_new());
  for (const auto& name : names) {
    GENERAL_NAME* entry = a2i_GENERAL_NAME(nullptr, nullptr, nullptr, GEN_IPADD, name.c_str(), 0);
    if (entry == nullptr) entry = a2i_GENERAL_NAME(nullptr, nullptr, nullptr, GEN_DNS, name.c_str(), 0);
    if (entry == nullptr || sk_GENERAL_NAME_push(list.get(), entry) == 0)
      return fail(openssl_error(kBadArgument, "not a host name or IP address: " + name));
  }
  ERR_clear_error();
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, list.get(), 0, X509V3_ADD_DEFAULT) != 1)
    return fail(openssl_error(kCrypto, "cannot set a certificate's names"));
  return {};
}

bool add_profile(X509* certificate, X509* issuer, Profile profile) {
  const auto extensions = extensions_of(profile);
  return add_extension(certificate, issuer, NID_basic_constraints, extensions.basic_constraints) &&
         add_extension(certificate, issuer, NID_key_usage, extensions.key_usage) &&
         (extensions.extended_key_usage == nullptr ||
          add_extension(certificate, issuer, NID_ext_key_usage, extensions.extended_key_usage)) &&
         add_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
         add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always");
}

using NativeCrl = Owned<X509_CRL, X509_CRL_free>;

bool add_revoked(X509_CRL* crl, const ASN1_INTEGER* serial, const ASN1_TIME* time) {
  X509_REVOKED* present = nullptr;
  const SerialPtr copy(ASN1_INTEGER_dup(serial));
  if (X509_CRL_get0_by_serial(crl, &present, copy.get()) == 1) return true;
  X509_REVOKED* entry = X509_REVOKED_new();
  return entry != nullptr && X509_REVOKED_set_serialNumber(entry, copy.get()) == 1 &&
         X509_REVOKED_set_revocationDate(entry, const_cast<ASN1_TIME*>(time)) == 1 && X509_CRL_add0_revoked(crl, entry) == 1;
}

// Copies the entries of an older list and returns its number; -1 where it cannot be read.
long take_over(X509_CRL* crl, const Issuer& issuer, std::string_view previous) {
  if (previous.empty()) return 0;
  const auto bio = reading(as_bytes(previous));
  const NativeCrl old(PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr));
  if (!old || X509_CRL_verify(old.get(), issuer.key.native()) != 1) return -1;
  STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(old.get());
  for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
    const X509_REVOKED* entry = sk_X509_REVOKED_value(entries, i);
    if (!add_revoked(crl, X509_REVOKED_get0_serialNumber(entry), X509_REVOKED_get0_revocationDate(entry))) return -1;
  }
  const SerialPtr number(static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(old.get(), NID_crl_number, nullptr, nullptr)));
  return number ? ASN1_INTEGER_get(number.get()) : 0;
}

bool finish_crl(X509_CRL* crl, const Issuer& issuer, long number) {
  const SerialPtr serial(ASN1_INTEGER_new());
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer.certificate.native(), nullptr, nullptr, crl, 0);
  const ExtensionPtr key_id(X509V3_EXT_conf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always"));
  return serial && key_id && ASN1_INTEGER_set(serial.get(), number) == 1 && X509_CRL_add_ext(crl, key_id.get(), -1) == 1 &&
         X509_CRL_add1_ext_i2d(crl, NID_crl_number, serial.get(), 0, X509V3_ADD_DEFAULT) == 1 && X509_CRL_sort(crl) == 1 &&
         X509_CRL_sign(crl, issuer.key.native(), signing_digest(issuer.key)) > 0;
}

}  // namespace

Result<Certificate> make_certificate(const CertificateRequest& request, const PrivateKey& subject_key, const Issuer* issuer) {
  if (request.common_name.empty() || request.common_name.size() > 64)
    return fail(kBadArgument, "a certificate's common name has 1 to 64 bytes");
  std::shared_ptr<X509> made(X509_new(), X509_free);
  X509* const certificate = made.get();
  X509* const signer = issuer == nullptr ? certificate : issuer->certificate.native();
  const PrivateKey& signing_key = issuer == nullptr ? subject_key : issuer->key;
  if (certificate == nullptr || X509_set_version(certificate, X509_VERSION_3) != 1 || !set_random_serial(certificate) ||
      !set_subject(certificate, request.common_name) || X509_set_issuer_name(certificate, X509_get_subject_name(signer)) != 1 ||
      ASN1_TIME_set(X509_getm_notBefore(certificate), seconds(request.not_before)) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(certificate), seconds(request.not_after)) == nullptr ||
      X509_set_pubkey(certificate, subject_key.native()) != 1 || !add_profile(certificate, signer, request.profile))
    return fail(openssl_error(kCrypto, "cannot make a certificate"));
  TRY(add_names(certificate, request.names));
  if (X509_sign(certificate, signing_key.native(), signing_digest(signing_key)) <= 0)
    return fail(openssl_error(kCrypto, "cannot sign a certificate"));
  return Certificate(std::move(made));
}

Result<Certificate> make_server_certificate(const PrivateKey& key, const std::vector<std::string>& names, WallTime now,
                                            std::chrono::days validity) {
  if (names.empty()) return fail(kBadArgument, "a server's certificate needs at least one name");
  const CertificateRequest request{.common_name = names.front().substr(0, 64),
                                   .profile = Profile::server,
                                   .names = names,
                                   .not_before = now - std::chrono::hours(1),
                                   .not_after = now + validity};
  return make_certificate(request, key);
}

Result<std::string> make_crl(const Issuer& issuer, const std::vector<Certificate>& revoked, std::string_view previous, WallTime now,
                             std::chrono::days validity) {
  const NativeCrl crl(X509_CRL_new());
  const TimePtr from(ASN1_TIME_set(nullptr, seconds(now)));
  const TimePtr until(ASN1_TIME_set(nullptr, seconds(now + validity)));
  if (!crl || !from || !until || X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2) != 1 ||
      X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(issuer.certificate.native())) != 1 ||
      X509_CRL_set1_lastUpdate(crl.get(), from.get()) != 1 || X509_CRL_set1_nextUpdate(crl.get(), until.get()) != 1)
    return fail(openssl_error(kCrypto, "cannot make a revocation list"));
  const long number = take_over(crl.get(), issuer, previous);
  if (number < 0) return fail(openssl_error(kBadCertificate, "the revocation list to extend is not one of this authority's"));
  for (const auto& certificate : revoked)
    if (!add_revoked(crl.get(), X509_get0_serialNumber(certificate.native()), from.get()))
      return fail(openssl_error(kCrypto, "cannot extend a revocation list"));
  if (!finish_crl(crl.get(), issuer, number + 1)) return fail(openssl_error(kCrypto, "cannot sign a revocation list"));
  const auto bio = writing();
  PEM_write_bio_X509_CRL(bio.get(), crl.get());
  return text_of(bio.get());
}

}  // namespace aloft::crypto
