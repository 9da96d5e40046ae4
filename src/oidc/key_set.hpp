// The keys that an identity provider publishes (RFC 7517), and the signature of its tokens (RFC 7515), checked by libcjose.
#pragma once

#include <cjose/jwk.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace aloft::oidc {

// What we take: by asymmetric keys, of at least 112 bits' strength. Never "none", and no HMAC, whose key would be what is published.
inline constexpr std::string_view kRs256 = "RS256";
inline constexpr std::string_view kEs256 = "ES256";
inline constexpr std::size_t kMaxTokenBytes = 64U << 10;
inline constexpr std::size_t kMaxKeys = 100;

struct TokenHeader {
  std::string_view algorithm;  // kRs256 or kEs256
  std::optional<std::string> key;
};
// Of a token in compact form. Errors: kTokenForm: not three parts of base64url, no JSON, extensions that must be understood ("crit"), not
// a JWT's; kTokenAlgorithm.
Result<TokenHeader> read_token_header(std::string_view token);

// Immutable; may be shared between threads.
class KeySet {
 public:
  // Only what can sign an ID token is kept: RSA of 2048 to 8192 bits, P-256; not keys for encryption or another algorithm. Private and
  // symmetric keys are passed over. Errors: kProviderAnswer: no key set.
  static Result<KeySet> parse(std::string_view text);
  // The payload, once the signature has been found good. Errors: as read_token_header; kTokenKey: no such key is here; kTokenSignature.
  Result<std::string> verify(const std::string& token) const;
  std::size_t size() const { return keys_.size(); }

 private:
  struct Key {
    std::string algorithm;
    std::optional<std::string> id;
    std::shared_ptr<cjose_jwk_t> key;
  };
  static std::optional<Key> usable(std::string_view member);
  Result<const Key*> find(const TokenHeader& header) const;
  std::vector<Key> keys_;
};

}  // namespace aloft::oidc
