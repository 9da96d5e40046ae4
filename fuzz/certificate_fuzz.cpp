// Certificates, public keys and revocation lists, in PEM and DER: what is taken has one text, and nothing unsigned counts as signed.
#include <string>

#include "crypto/certificate.hpp"
#include "crypto/client_authorities.hpp"
#include "crypto/key.hpp"
#include "crypto/trust.hpp"
#include "fleet/device_key.hpp"
#include "require.hpp"

namespace {

using namespace aloft;

void check(const crypto::Certificate& certificate) {
  const auto again = crypto::Certificate::from_der(certificate.der());
  require(again && again->fingerprint() == certificate.fingerprint() && again->subject() == certificate.subject());
  const auto text = crypto::Certificate::from_pem(certificate.pem());
  require(text && text->fingerprint() == certificate.fingerprint());
  (void)certificate.not_before();
  (void)certificate.not_after();
}

}  // namespace

extern "C" int certificate_fuzz(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto listed = crypto::Certificate::list_from_pem(text);
  if (listed) {
    require(!listed->empty());
    for (const auto& certificate : *listed) check(certificate);
  }
  if (const auto certificate = crypto::Certificate::from_der(as_bytes(text))) {
    require(certificate->der().size() == size);
    check(*certificate);
  }
  if (const auto trust = crypto::TrustStore::from_pem({text})) {
    require(listed.has_value());
    for (const auto& anchor : *listed) require(anchor.issued_by(anchor));
    (void)trust->anchors_valid_until();
    if (const auto with_lists = crypto::TrustStore::from_pem({text}, {text})) (void)with_lists->crls_valid_until();
  }
  if (const auto authorities = crypto::ClientAuthorities::from_pem(text)) {
    require(!authorities->certificates().empty());
    (void)authorities->revocation_lists();
    for (const auto& authority : authorities->certificates()) (void)authorities->check({authority}, WallTime{});
  }
  // Such bytes are nobody's signature, by no kind of key.
  require(!crypto::verify_signature(text, as_bytes("a message"), Bytes(64, std::byte{0xff})));
  (void)crypto::PrivateKey::from_pem(text);
  if (fleet::device_key_sha256(text)) require(text.starts_with("-----BEGIN PUBLIC KEY-----"));
  return 0;
}
