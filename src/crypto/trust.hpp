// Who may sign: trust anchors and revocation lists, and the check of a CMS signature (RFC 5652) against them.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace aloft::crypto {

struct Signer {
  std::string subject;      // RFC 2253 text
  std::string fingerprint;  // SHA-256 of the certificate, hex
  std::string algorithm;    // "ecdsa-p256", "rsa-3072", "ed25519"
};

// Immutable after creation; may be shared between threads.
class TrustStore {
 public:
  // folder holds *.pem files (one or more trust anchors each) and *.crl files (PEM). At least one anchor. Where any CRL is present,
  // every certificate of a chain must be covered by a current one. Errors: kTrustStore, file errors.
  static Result<TrustStore> load(const std::filesystem::path& folder);
  static Result<TrustStore> from_pem(const std::vector<std::string>& anchors, const std::vector<std::string>& crls = {});
  TrustStore(TrustStore&&) noexcept;
  TrustStore& operator=(TrustStore&&) noexcept;
  ~TrustStore();

  // Checks a detached DER CMS over content: every signer's chain up to an anchor, validity at `now`, key usage digitalSignature,
  // extended key usage codeSigning, CRLs. All signers must be good, and at least one there. Errors: numbers 2000-2099.
  Result<std::vector<Signer>> verify(ByteView cms, ByteView content, WallTime now) const;

  // When the first of the anchors expires.
  WallTime anchors_valid_until() const;
  // When the first of the revocation lists wants to be replaced (nextUpdate); nothing without lists that say so.
  std::optional<WallTime> crls_valid_until() const;

 private:
  struct State;
  explicit TrustStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Who signed the content, by the certificates that a detached CMS itself carries. The signatures match the content, but nobody has said
// that these signers may be trusted: for showing, and for catching mistakes when signing. Errors: 2000-2099.
Result<std::vector<Signer>> claimed_signers(ByteView cms, ByteView content);

}  // namespace aloft::crypto
