#include "oidc/ticket.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "base/json.hpp"
#include "base/unix_time.hpp"
#include "crypto/hmac.hpp"
#include "oidc/errors.hpp"
#include "oidc/id_token.hpp"

namespace aloft::oidc {
namespace {

constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t kMaxSealedBytes = 8192;
constexpr std::size_t kMaxNextBytes = 1024;
constexpr std::string_view kPurpose = "sign-in";

const unsigned char* raw(ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* raw(MutableByteView bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

std::string new_secret(Random& random) {
  std::array<std::byte, 32> bytes{};
  random.fill(bytes);
  return to_base64url(bytes);
}

std::unexpected<Error> stale() {
  return fail(kSignInStale, "this sign-in took longer than ten minutes, was finished already, or began in another browser; begin it again");
}

Result<Ticket> read_ticket(const Json& json) {
  auto object = TRY(JsonObject::of(json, "ticket"));
  Ticket ticket;
  ticket.state = TRY(object.text("state", 64));
  ticket.nonce = TRY(object.text("nonce", 64));
  ticket.verifier = TRY(object.text("verifier", 64));
  ticket.next = TRY(object.text("next", kMaxNextBytes));
  ticket.expires_ms = TRY(object.number("expires_ms"));
  return ticket;
}

}  // namespace

Ticket new_ticket(Random& random, std::string next, WallTime now) {
  const WallTime end = now + kSignInLife;
  return {.state = new_secret(random),
          .nonce = new_secret(random),
          .verifier = new_secret(random),
          .next = std::move(next),
          .expires_ms = unix_ms(end)};
}

std::string challenge_of(const Ticket& ticket) { return to_base64url(crypto::sha256(as_bytes(ticket.verifier))); }

bool is_local_page(std::string_view next) {
  if (next.empty() || next.size() > kMaxNextBytes || next[0] != '/' || next.starts_with("//")) return false;
  return std::ranges::none_of(next, [](char c) { return c <= ' ' || c > '~' || c == '\\' || c == '"' || c == '<' || c == '>'; });
}

Seal::Seal(ByteView secret) {
  const crypto::Digest key = crypto::HmacSha256(secret).of("aloft sign-on cookie");
  key_.assign(key.begin(), key.end());
}

std::string Seal::close(std::string_view text, std::string_view purpose, Random& random) const {
  Bytes bytes(kNonceBytes + text.size() + kTagBytes);
  random.fill(MutableByteView(bytes).first(kNonceBytes));
  crypto_aead_xchacha20poly1305_ietf_encrypt(raw(MutableByteView(bytes).subspan(kNonceBytes)), nullptr, raw(as_bytes(text)), text.size(),
                                             raw(as_bytes(purpose)), purpose.size(), nullptr, raw(ByteView(bytes)), raw(ByteView(key_)));
  return to_base64url(bytes);
}

std::optional<std::string> Seal::open(std::string_view sealed, std::string_view purpose) const {
  if (sealed.empty() || sealed.size() > kMaxSealedBytes) return std::nullopt;
  const Result<Bytes> bytes = from_base64url(sealed);
  if (!bytes || bytes->size() < kNonceBytes + kTagBytes) return std::nullopt;
  const ByteView closed = ByteView(*bytes).subspan(kNonceBytes);
  std::string text(closed.size() - kTagBytes, '\0');
  const int bad = crypto_aead_xchacha20poly1305_ietf_decrypt(reinterpret_cast<unsigned char*>(text.data()), nullptr, nullptr, raw(closed),
                                                             closed.size(), raw(as_bytes(purpose)), purpose.size(), raw(ByteView(*bytes)),
                                                             raw(ByteView(key_)));
  if (bad != 0) return std::nullopt;
  return text;
}

std::string sealed(const Ticket& ticket, const Seal& seal, Random& random) {
  const Json json{{"state", ticket.state},
                  {"nonce", ticket.nonce},
                  {"verifier", ticket.verifier},
                  {"next", ticket.next},
                  {"expires_ms", ticket.expires_ms}};
  return seal.close(json.dump(-1, ' ', false, Json::error_handler_t::replace), kPurpose, random);
}

Result<Ticket> unsealed(std::string_view text, const Seal& seal, WallTime now) {
  const std::optional<std::string> opened = seal.open(text, kPurpose);
  if (!opened) return stale();
  const Result<Json> json = parse_json(*opened);
  if (!json) return stale();
  Result<Ticket> ticket = read_ticket(*json);
  if (!ticket || ticket->expires_ms <= unix_ms(now)) return stale();
  return ticket;
}

}  // namespace aloft::oidc
