#include "crypto/sign.hpp"

#include "base/file.hpp"
#include "crypto/der.hpp"
#include "crypto/errors.hpp"
#include "crypto/openssl.hpp"
#include "crypto/signed_data.hpp"

namespace aloft::crypto {
namespace {

constexpr std::uint64_t kMaxChainBytes = 1 << 20;

// AlgorithmIdentifiers and OIDs, ready-made in DER.
Bytes from_literal(std::string_view text) {
  const auto view = as_bytes(text);
  return {view.begin(), view.end()};
}
using std::string_view_literals::operator""sv;
constexpr auto kOidSignedData = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"sv;
constexpr auto kOidData = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"sv;
constexpr auto kSha256 = "\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00"sv;
constexpr auto kSha512 = "\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00"sv;
constexpr auto kEcdsaWithSha256 = "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"sv;
constexpr auto kRsaWithSha256 = "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00"sv;
constexpr auto kEd25519 = "\x30\x05\x06\x03\x2b\x65\x70"sv;

struct Algorithms {
  std::string_view digest;
  std::string_view signature;
};

Algorithms algorithms_of(const PrivateKey& key) {
  if (key.algorithm() == "ed25519") return {kSha512, kEd25519};  // RFC 8419 section 3.1
  if (key.algorithm() == "ecdsa-p256") return {kSha256, kEcdsaWithSha256};
  return {kSha256, kRsaWithSha256};
}

template <typename T, typename Encode>
Bytes encoded(const T* object, Encode encode) {
  unsigned char* data = nullptr;
  const int size = encode(object, &data);
  Bytes out(reinterpret_cast<std::byte*>(data), reinterpret_cast<std::byte*>(data) + std::max(size, 0));
  OPENSSL_free(data);
  return out;
}

struct Parts {
  std::vector<Bytes> digest_algorithms;
  std::vector<Bytes> certificates;
  std::vector<Bytes> signer_infos;
};

// RFC 5652 section 5.1; version 1 since the content is id-data and every signer is named by issuer and serial number.
Bytes assemble(Parts parts, unsigned version) {
  const Bytes version_element = der::element(der::kInteger, {Bytes{static_cast<std::byte>(version)}});
  Bytes signed_data = der::element(
      der::kSequence,
      {version_element, der::set_of(der::kSet, std::move(parts.digest_algorithms)), der::element(der::kSequence, {from_literal(kOidData)}),
       der::set_of(der::kContext0, std::move(parts.certificates)), der::set_of(der::kSet, std::move(parts.signer_infos))});
  return der::element(der::kSequence, {from_literal(kOidSignedData), der::element(der::kContext0, signed_data)});
}

Result<Bytes> signer_info(ByteView content, const SigningIdentity& identity) {
  const auto algorithms = algorithms_of(identity.key);
  const Bytes signature = TRY(identity.key.sign(content));
  X509* const certificate = identity.certificate.native();
  const Bytes issuer_and_serial = der::element(der::kSequence, {encoded(X509_get_issuer_name(certificate), i2d_X509_NAME),
                                                                encoded(X509_get0_serialNumber(certificate), i2d_ASN1_INTEGER)});
  return der::element(der::kSequence,
                      {der::element(der::kInteger, {Bytes{std::byte{1}}}), issuer_and_serial, from_literal(algorithms.digest),
                       from_literal(algorithms.signature), der::element(der::kOctetString, signature)});
}

void append(std::vector<Bytes>& out, const std::vector<der::Element>& elements) {
  for (const auto& element : elements) out.emplace_back(element.whole.begin(), element.whole.end());
}

// Adds the parts of one SignedData; returns its version.
Result<unsigned> take_apart(ByteView signature, Parts& parts) {
  const auto malformed = [](std::string_view why) { return fail(kCmsMalformed, "cannot merge the signature: " + std::string(why)); };
  const auto outer = TRY(der::elements(signature));
  const auto info = TRY(der::elements(outer.front().content));
  if (info.size() != 2) return malformed("no content");
  const auto inner = TRY(der::elements(info[1].content));
  const auto fields = TRY(der::elements(inner.front().content));
  if (fields.size() < 4 || fields[0].content.size() != 1) return malformed("too few fields");
  append(parts.digest_algorithms, TRY(der::elements(fields[1].content)));
  for (const auto& field : fields)
    if (field.tag == der::kContext0) append(parts.certificates, TRY(der::elements(field.content)));
  append(parts.signer_infos, TRY(der::elements(fields.back().content)));
  return std::to_integer<unsigned>(fields[0].content[0]);
}

}  // namespace

Result<SigningIdentity> load_identity(const std::filesystem::path& key, const std::filesystem::path& certificates) {
  auto loaded_key = TRY(PrivateKey::load(key));
  auto list = Certificate::list_from_pem(TRY(read_file(certificates, kMaxChainBytes)));
  if (!list) return fail(Error(list.error()).within(certificates.string()));
  if (!list->front().matches(loaded_key))
    return fail(kKeyMismatch, "the key " + key.string() + " is not that of the first certificate in " + certificates.string());
  Certificate certificate = list->front();
  list->erase(list->begin());
  return SigningIdentity{std::move(loaded_key), std::move(certificate), *std::move(list)};
}

Result<Bytes> sign_detached(ByteView content, std::span<const SigningIdentity> identities) {
  if (identities.empty()) return fail(kNoSigners, "nobody to sign");
  Parts parts;
  for (const auto& identity : identities) {
    if (!identity.certificate.matches(identity.key)) return fail(kKeyMismatch, "the signing key is not that of the signing certificate");
    parts.digest_algorithms.push_back(from_literal(algorithms_of(identity.key).digest));
    parts.certificates.push_back(identity.certificate.der());
    for (const auto& intermediate : identity.intermediates) parts.certificates.push_back(intermediate.der());
    parts.signer_infos.push_back(TRY(signer_info(content, identity)));
  }
  return assemble(std::move(parts), 1);
}

Result<Bytes> merge_signatures(std::span<const Bytes> signatures) {
  Parts parts;
  unsigned version = 1;
  for (const auto& signature : signatures) {
    TRY(SignedData::parse(signature));
    version = std::max(version, TRY(take_apart(signature, parts)));
  }
  return assemble(std::move(parts), version);
}

}  // namespace aloft::crypto
