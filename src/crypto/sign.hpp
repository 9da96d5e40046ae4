// Making CMS signatures that are the same bytes each time: detached, no signed attributes, no signing time, members in DER order.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "crypto/certificate.hpp"
#include "crypto/key.hpp"

namespace aloft::crypto {

struct SigningIdentity {
  PrivateKey key;
  Certificate certificate;
  std::vector<Certificate> intermediates;  // between the certificate and the root; travel with the signature
};

// The key in one PEM file, the certificate and any intermediates after it in another. Errors: kKeyMismatch, kBadKey, kBadCertificate.
Result<SigningIdentity> load_identity(const std::filesystem::path& key, const std::filesystem::path& certificates);

// A DER CMS SignedData over the content by all of the identities (at least one). Errors: kKeyMismatch, kCrypto.
Result<Bytes> sign_detached(ByteView content, std::span<const SigningIdentity> identities);

// One SignedData with the signers and certificates of all given ones, which must be detached. Verifies nothing. Errors: kCmsMalformed.
Result<Bytes> merge_signatures(std::span<const Bytes> signatures);

}  // namespace aloft::crypto
