// A detached CMS SignedData (RFC 5652, RFC 8419 for Ed25519), taken apart for verification. Knows nothing of trust.
#pragma once

#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "crypto/openssl.hpp"

namespace aloft::crypto {

class SignedData {
 public:
  // One SignedData without content that fills the bytes. Errors: kCmsMalformed.
  static Result<SignedData> parse(ByteView cms);

  int signer_count() const;
  STACK_OF(X509) * certificates() const { return certificates_.get(); }  // may be nullptr
  // The signer's certificate, which must be among certificates(). The result lives as long as this. Errors: kNoSignerCertificate.
  Result<X509*> certificate_of(int signer);
  // Runs the digests over the content; once, before verify_signer. Errors: kUnsupportedAlgorithm.
  Result<> digest(ByteView content);
  // The signature itself, after certificate_of and digest. With signed attributes these must bind the content.
  // Errors: kBadSignature, kUnsupportedAlgorithm, kCmsMalformed.
  Result<> verify_signer(int signer, ByteView content);

 private:
  SignedData() = default;
  Owned<CMS_ContentInfo, CMS_ContentInfo_free> cms_;
  X509StackPtr certificates_;
  BioPtr digests_;
};

}  // namespace aloft::crypto
