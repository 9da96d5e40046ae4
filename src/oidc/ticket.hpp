// What a browser carries from the button to the way back, in a cookie that only this server can read and write.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"

namespace aloft::oidc {

// One attempt to sign in.
struct Ticket {
  std::string state;     // comes back from the provider (RFC 6749, section 10.12)
  std::string nonce;     // comes back in the token
  std::string verifier;  // of PKCE (RFC 7636): only its digest goes through the browser's addresses
  std::string next;      // the page of the console that was asked for
  std::uint64_t expires_ms = 0;
};

// New secrets of 256 bits each; expires kSignInLife from now.
Ticket new_ticket(Random& random, std::string next, WallTime now);
// BASE64URL(SHA-256(verifier)), as the method S256 has it.
std::string challenge_of(const Ticket& ticket);
// Whether a page that is asked for is one of this server's: a path that no browser takes for another host's. At most 1024 bytes.
bool is_local_page(std::string_view next);

// Seals texts with XChaCha20-Poly1305 under a key of the server's own, each for one purpose. Immutable; may be shared between threads.
class Seal {
 public:
  // secret: the server's; the key is made from it. sodium_init() must have been called.
  explicit Seal(ByteView secret);
  std::string close(std::string_view text, std::string_view purpose, Random& random) const;
  // Nothing when another key, another purpose or other bytes made it.
  std::optional<std::string> open(std::string_view sealed, std::string_view purpose) const;

 private:
  Bytes key_;
};

// As text base64url has no trouble with, for cookies. Errors: kSignInStale: none, not ours, or too old.
std::string sealed(const Ticket& ticket, const Seal& seal, Random& random);
Result<Ticket> unsealed(std::string_view text, const Seal& seal, WallTime now);

}  // namespace aloft::oidc
