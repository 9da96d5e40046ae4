// Whom a client believes, and who it says it is.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <variant>

#include "base/result.hpp"
#include "crypto/sha256.hpp"

namespace aloft::net {

struct SystemTrust {};  // the operating system's certificate authorities, and the host's name
struct CaFile {         // those of one PEM file, and the host's name
  std::filesystem::path path;
};
struct PinnedCertificate {  // exactly this certificate, whatever it says of names, dates and issuers
  crypto::Digest sha256;    // of its DER form
};
using TlsTrust = std::variant<SystemTrust, CaFile, PinnedCertificate>;

struct ClientCertificate {
  std::filesystem::path certificate_file;  // PEM, with its chain
  std::filesystem::path key_file;          // PEM
};

struct TlsOptions {
  TlsTrust trust;
  std::optional<ClientCertificate> client;
};

// The SHA-256 of the certificate that an https server shows, believed by nobody yet: for a person to compare on first use.
// Errors: kBadUrl, kCannotResolve, kCannotConnect, kTimeout, kTlsFailed.
Result<crypto::Digest> shown_certificate(const std::string& url);

// 64 lower- or upper-case digits, with or without colons between the bytes, as tools print fingerprints. Errors: kBadEncoding.
Result<crypto::Digest> parse_fingerprint(std::string_view text);

}  // namespace aloft::net
