// X.509 certificates and revocation lists: reading them, and making those of a development CA and of a server.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "crypto/key.hpp"

struct x509_st;  // OpenSSL's X509

namespace aloft::crypto {

// Immutable; may be shared between threads.
class Certificate {
 public:
  // The first certificate of a PEM text or file. Errors: kBadCertificate.
  static Result<Certificate> from_pem(std::string_view pem);
  // All of them, at least one.
  static Result<std::vector<Certificate>> list_from_pem(std::string_view pem);
  static Result<Certificate> from_der(ByteView der);
  static Result<Certificate> load(const std::filesystem::path& path);
  explicit Certificate(std::shared_ptr<x509_st> certificate) : certificate_(std::move(certificate)) {}

  Bytes der() const;
  std::string pem() const;
  std::string fingerprint() const;  // SHA-256 of the DER, lower-case hex
  std::string subject() const;      // RFC 2253 text
  std::string common_name() const;  // the subject's only one; empty when there is none, more than one, or one with a NUL in it
  WallTime not_before() const;
  WallTime not_after() const;
  bool matches(const PrivateKey& key) const;
  bool issued_by(const Certificate& authority) const;  // by name and signature
  x509_st* native() const { return certificate_.get(); }

 private:
  std::shared_ptr<x509_st> certificate_;
};

// What a certificate is to be for; each profile sets basic constraints, key usage and extended key usage accordingly.
enum class Profile : std::uint8_t {
  authority,     // a CA: issues certificates and revocation lists
  code_signing,  // signs bundles
  server,        // a TLS server
  client,        // a TLS client
};

struct CertificateRequest {
  std::string common_name;  // 1-64 bytes
  Profile profile = Profile::code_signing;
  std::vector<std::string> names;  // subject alternative names for Profile::server: host names or IP addresses
  WallTime not_before;
  WallTime not_after;
};

struct Issuer {
  const Certificate& certificate;
  const PrivateKey& key;
};

// Without an issuer it signs itself. Serial numbers are random. Errors: kBadArgument (names), kCrypto.
Result<Certificate> make_certificate(const CertificateRequest& request, const PrivateKey& subject_key, const Issuer* issuer = nullptr);

// A self-signed certificate for a server; valid from an hour before now, so that clocks may differ a little.
Result<Certificate> make_server_certificate(const PrivateKey& key, const std::vector<std::string>& names, WallTime now,
                                            std::chrono::days validity);

// A certificate revocation list (PEM) of the issuer's, over `revoked` and all that `previous` (PEM, or empty) already held.
Result<std::string> make_crl(const Issuer& issuer, const std::vector<Certificate>& revoked, std::string_view previous, WallTime now,
                             std::chrono::days validity);

}  // namespace aloft::crypto
