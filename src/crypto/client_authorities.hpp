// Who issues the certificates that clients show in TLS: the authorities, their revocation lists, and the check of a certificate.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "crypto/certificate.hpp"

namespace aloft::crypto {

// Immutable; may be shared between threads.
class ClientAuthorities {
 public:
  // PEM: one or more certificates of authorities, and revocation lists of theirs. Each is an anchor, whether it signs itself or not: where
  // a root has issued several authorities, only what those given here have issued counts. Errors: kBadCertificate (none, one that may not
  // issue any, or a private key among them), kTrustStore (a list that is damaged, or of nobody here).
  static Result<ClientAuthorities> from_pem(std::string_view pem);
  ClientAuthorities(ClientAuthorities&&) noexcept;
  ClientAuthorities& operator=(ClientAuthorities&&) noexcept;
  ~ClientAuthorities();

  const std::vector<Certificate>& certificates() const;
  struct RevocationList {
    std::string issuer;                   // RFC 2253 text
    std::optional<WallTime> next_update;  // from then on, nothing that the issuer has issued counts
  };
  std::vector<RevocationList> revocation_lists() const;

  // chain: the client's certificate first, then what may lead to an authority, in any order. RFC 5280 path validation at `now`; the
  // certificate and those above it must be for client authentication, where they say what they are for. An authority with a revocation list
  // is held to it. Keys and digests below 112 bits of strength are refused. Errors: 2005-2012.
  Result<> check(const std::vector<Certificate>& chain, WallTime now) const;

 private:
  struct State;
  explicit ClientAuthorities(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace aloft::crypto
