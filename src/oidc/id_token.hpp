// What a token says of a person (OpenID Connect Core 1.0, sections 2 and 3.1.3.7), once its signature has been found good.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "oidc/settings.hpp"

namespace aloft::oidc {

inline constexpr std::chrono::seconds kSkew{60};         // between the provider's clock and ours
inline constexpr std::chrono::seconds kSignInLife{600};  // from the button to the way back
inline constexpr std::size_t kMaxDisplayBytes = 128;

struct Expected {
  std::string issuer;
  std::string client_id;
  std::string nonce;
  WallTime now;
};

struct Person {
  std::string subject;  // 1-255 printable characters of ASCII
  std::string display;  // for people to read; may be empty
  Json claims;
};

// Errors: kTokenClaims, naming the claim: iss, aud, azp, exp, nbf, iat, nonce, sub.
Result<Person> read_person(std::string_view payload, const Expected& expected);
// What the person's values in the claim stand for. Errors: kNoRole.
Result<fleet::Roles> roles_of(const Person& person, const Settings& settings);
// "oidc:SUBJECT", with %XX for what would not stand well in addresses and logs: no two subjects have the same.
std::string user_name(std::string_view subject);

}  // namespace aloft::oidc
