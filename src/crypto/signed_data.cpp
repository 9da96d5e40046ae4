#include "crypto/signed_data.hpp"

#include <openssl/err.h>

#include <array>

#include "crypto/errors.hpp"

namespace aloft::crypto {
namespace {

bool is(const ASN1_OBJECT* object, int nid) { return object != nullptr && OBJ_obj2nid(object) == nid; }

CMS_SignerInfo* info_of(CMS_ContentInfo* cms, int index) { return sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), index); }

std::unexpected<Error> malformed(std::string_view why) {
  ERR_clear_error();
  return fail(kCmsMalformed, "the signature is not a detached CMS SignedData in DER: " + std::string(why));
}

Result<> check_digest_algorithm(CMS_SignerInfo* info) {
  X509_ALGOR* digest = nullptr;
  CMS_SignerInfo_get0_algs(info, nullptr, nullptr, &digest, nullptr);
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, digest);
  for (const int nid : {NID_sha256, NID_sha384, NID_sha512})
    if (is(object, nid)) return {};
  return fail(kUnsupportedAlgorithm, "the signature uses a digest other than SHA-256, SHA-384 and SHA-512");
}

// RFC 8419 without signed attributes: Ed25519 over the content itself. OpenSSL 3.0's CMS functions cannot do this.
Result<> verify_ed25519(CMS_SignerInfo* info, EVP_PKEY* key, ByteView content) {
  if (CMS_signed_get_attr_count(info) >= 0)
    return fail(kUnsupportedAlgorithm, "an Ed25519 signature with signed attributes is not supported; sign without them");
  X509_ALGOR* algorithm = nullptr;
  CMS_SignerInfo_get0_algs(info, nullptr, nullptr, nullptr, &algorithm);
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
  if (!is(object, NID_ED25519)) return fail(kUnsupportedAlgorithm, "an Ed25519 key with another signature algorithm");
  const ASN1_OCTET_STRING* signature = CMS_SignerInfo_get0_signature(info);
  const MdCtxPtr context(EVP_MD_CTX_new());
  if (!context || EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key) != 1)
    return fail(openssl_error(kCrypto, "cannot verify with Ed25519"));
  if (EVP_DigestVerify(context.get(), ASN1_STRING_get0_data(signature), static_cast<std::size_t>(ASN1_STRING_length(signature)),
                       reinterpret_cast<const unsigned char*>(content.data()), content.size()) != 1)
    return fail(openssl_error(kBadSignature, "the signature does not match the content"));
  return {};
}

// RFC 5652 section 11.1: with signed attributes, the content type must be among them, once, and be the content's.
Result<> check_content_type(CMS_SignerInfo* info) {
  const auto* type =
      static_cast<const ASN1_OBJECT*>(CMS_signed_get0_data_by_OBJ(info, OBJ_nid2obj(NID_pkcs9_contentType), -3, V_ASN1_OBJECT));
  if (!is(type, NID_pkcs7_data)) return malformed("its signed attributes lack the content type");
  return {};
}

}  // namespace

Result<SignedData> SignedData::parse(ByteView cms) {
  if (cms.empty()) return malformed("it is empty");
  const auto* at = reinterpret_cast<const unsigned char*>(cms.data());
  const auto* const end = at + cms.size();
  SignedData data;
  data.cms_.reset(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(cms.size())));
  if (!data.cms_) return malformed("it cannot be decoded");
  if (at != end) return malformed("something follows it");
  if (!is(CMS_get0_type(data.cms_.get()), NID_pkcs7_signed)) return malformed("it is another kind of CMS");
  if (!is(CMS_get0_eContentType(data.cms_.get()), NID_pkcs7_data)) return malformed("its content type is not id-data");
  ASN1_OCTET_STRING** const content = CMS_get0_content(data.cms_.get());
  if (content == nullptr || *content != nullptr) return malformed("it holds content");
  data.certificates_.reset(CMS_get1_certs(data.cms_.get()));
  ERR_clear_error();
  return data;
}

int SignedData::signer_count() const { return std::max(sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(cms_.get())), 0); }

Result<X509*> SignedData::certificate_of(int signer) {
  CMS_SignerInfo* const info = info_of(cms_.get(), signer);
  for (int i = 0; i < sk_X509_num(certificates_.get()); ++i) {
    X509* const certificate = sk_X509_value(certificates_.get(), i);
    if (CMS_SignerInfo_cert_cmp(info, certificate) != 0 || X509_get0_pubkey(certificate) == nullptr) continue;
    CMS_SignerInfo_set1_signer_cert(info, certificate);
    return certificate;
  }
  return fail(kNoSignerCertificate, "the signature does not hold the certificate of its signer");
}

Result<> SignedData::digest(ByteView content) {
  for (int i = 0; i < signer_count(); ++i) TRY(check_digest_algorithm(info_of(cms_.get(), i)));
  BioPtr source = reading(content);
  BIO* const chain = source ? CMS_dataInit(cms_.get(), source.get()) : nullptr;
  if (chain == nullptr) return fail(openssl_error(kUnsupportedAlgorithm, "the signature names a digest that is not supported"));
  // CMS_dataInit put it at the end of the chain.
  static_cast<void>(source.release());  // NOLINT(bugprone-unused-return-value)
  digests_.reset(chain);
  std::array<char, 16384> buffer;
  while (BIO_read(digests_.get(), buffer.data(), static_cast<int>(buffer.size())) > 0) {
  }
  return {};
}

Result<> SignedData::verify_signer(int signer, ByteView content) {
  CMS_SignerInfo* const info = info_of(cms_.get(), signer);
  EVP_PKEY* key = nullptr;
  CMS_SignerInfo_get0_algs(info, &key, nullptr, nullptr, nullptr);
  if (EVP_PKEY_is_a(key, "ED25519") == 1) return verify_ed25519(info, key, content);
  if (CMS_signed_get_attr_count(info) >= 0) {
    TRY(check_content_type(info));
    if (CMS_SignerInfo_verify(info) != 1) return fail(openssl_error(kBadSignature, "the signature does not match its signed attributes"));
  }
  if (CMS_SignerInfo_verify_content(info, digests_.get()) != 1)
    return fail(openssl_error(kBadSignature, "the signature does not match the content"));
  return {};
}

}  // namespace aloft::crypto
