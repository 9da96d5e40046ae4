#include "crypto/certificate.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/errors.hpp"
#include "base/file.hpp"
#include "crypto/errors.hpp"
#include "crypto/openssl.hpp"
#include "crypto/sha256.hpp"

namespace aloft::crypto {
namespace {

constexpr std::uint64_t kMaxPemBytes = 1 << 20;

std::unexpected<Error> not_a_certificate() {
  ERR_clear_error();
  return fail(kBadCertificate, "no X.509 certificate in PEM form found");
}

}  // namespace

Result<std::vector<Certificate>> Certificate::list_from_pem(std::string_view pem) {
  const auto bio = reading(as_bytes(pem));
  std::vector<Certificate> certificates;
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
    certificates.emplace_back(std::shared_ptr<X509>(next, X509_free));
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (certificates.empty() || !at_end) return not_a_certificate();
  ERR_clear_error();
  return certificates;
}

Result<Certificate> Certificate::from_pem(std::string_view pem) { return TRY(list_from_pem(pem)).front(); }

Result<Certificate> Certificate::from_der(ByteView der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = at + der.size();
  std::shared_ptr<X509> certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())), X509_free);
  if (!certificate || at != end) return fail(openssl_error(kBadCertificate, "not a DER certificate"));
  return Certificate(std::move(certificate));
}

Result<Certificate> Certificate::load(const std::filesystem::path& path) {
  const auto pem = TRY(read_file(path, kMaxPemBytes));
  auto certificate = from_pem(pem);
  if (!certificate) return fail(Error(certificate.error()).within(path.string()));
  return certificate;
}

Bytes Certificate::der() const {
  unsigned char* data = nullptr;
  const int size = i2d_X509(native(), &data);
  Bytes der(reinterpret_cast<std::byte*>(data), reinterpret_cast<std::byte*>(data) + std::max(size, 0));
  OPENSSL_free(data);
  return der;
}

std::string Certificate::pem() const {
  const auto bio = writing();
  PEM_write_bio_X509(bio.get(), native());
  return text_of(bio.get());
}

std::string Certificate::fingerprint() const { return to_hex(sha256(der())); }

std::string Certificate::subject() const { return text_of(X509_get_subject_name(native())); }

std::string Certificate::common_name() const {
  const X509_NAME* const subject = X509_get_subject_name(native());
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return {};
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) {
    ERR_clear_error();
    return {};
  }
  std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return name.find('\0') == std::string::npos ? name : std::string{};
}

WallTime Certificate::not_before() const { return wall_time(X509_get0_notBefore(native())); }
WallTime Certificate::not_after() const { return wall_time(X509_get0_notAfter(native())); }

bool Certificate::matches(const PrivateKey& key) const {
  const bool same = X509_check_private_key(native(), key.native()) == 1;
  ERR_clear_error();
  return same;
}

bool Certificate::issued_by(const Certificate& authority) const {
  const bool issued =
      X509_check_issued(authority.native(), native()) == X509_V_OK && X509_verify(native(), X509_get0_pubkey(authority.native())) == 1;
  ERR_clear_error();
  return issued;
}

}  // namespace aloft::crypto
