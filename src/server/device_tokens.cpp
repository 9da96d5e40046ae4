#include "server/device_tokens.hpp"

#include <openssl/crypto.h>

#include <atomic>
#include <charconv>

#include "base/unix_time.hpp"
#include "server/errors.hpp"

namespace aloft::server {
namespace {

constexpr std::size_t kKeyPrefixBytes = 8;

std::unexpected<Error> refused() { return fail(kNotAuthenticated, "the device's token is not good or has expired; get a new one"); }

}  // namespace

DeviceTokens::DeviceTokens(const Bytes& secret) : mac_(secret) {
  static std::atomic<std::uint64_t> made = 0;
  self_ = ++made;
}

std::string DeviceTokens::key_prefix(const crypto::Digest& key_sha256) { return to_hex(ByteView(key_sha256).first(kKeyPrefixBytes)); }

std::string DeviceTokens::seal(std::string_view payload) const {
  return to_base64url(mac_.of("aloft device bearer v1\n" + std::string(payload)));
}

std::string DeviceTokens::issue(std::string_view device, const crypto::Digest& key_sha256, WallTime now) const {
  const std::uint64_t expires = unix_ms(now + kDeviceTokenLife);
  const std::string payload = std::to_string(expires) + "~" + key_prefix(key_sha256) + "~" + std::string(device);
  return payload + "~" + seal(payload);
}

bool DeviceTokens::is_sealed(std::string_view payload, std::string_view given) const {
  const std::string expected = seal(payload);
  return given.size() == expected.size() && CRYPTO_memcmp(given.data(), expected.data(), given.size()) == 0;
}

bool DeviceTokens::is_of(const Claim& claim, const crypto::Digest& key_sha256) {
  if (claim.key_prefix.size() != 2 * kKeyPrefixBytes) return false;
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (std::size_t i = 0; i < claim.key_prefix.size(); ++i) {
    const auto byte = std::to_integer<unsigned>(key_sha256[i / 2]);
    if (claim.key_prefix[i] != kDigits[i % 2 == 0 ? byte >> 4 : byte & 15]) return false;
  }
  return true;
}

Result<DeviceTokens::Claim> DeviceTokens::check(std::string_view token, WallTime now, httpd::Proven* proven) const {
  const std::size_t last = token.rfind('~');
  if (last == std::string_view::npos) return refused();
  const std::string_view payload = token.substr(0, last);
  const bool known = proven != nullptr && proven->by == self_ && proven->credential == token;
  if (!known && !is_sealed(payload, token.substr(last + 1))) return refused();
  if (!known && proven != nullptr) *proven = {.by = self_, .credential = std::string(token)};
  const std::size_t first = payload.find('~');
  const std::size_t second = payload.find('~', first + 1);
  if (second == std::string_view::npos) return refused();
  std::uint64_t expires = 0;
  std::from_chars(payload.data(), payload.data() + first, expires);
  if (expires <= unix_ms(now)) return refused();
  return Claim{.device = payload.substr(second + 1), .key_prefix = payload.substr(first + 1, second - first - 1)};
}

std::string Challenges::issue(const std::string& device, Random& random, SteadyTime now) {
  std::array<std::byte, 32> bytes{};
  random.fill(bytes);
  std::string nonce = to_base64url(bytes);
  while (!order_.empty()) {
    const auto oldest = waiting_.find(order_.front());
    if (oldest != waiting_.end() && oldest->second.expires > now && order_.size() < kMaxChallenges) break;
    if (oldest != waiting_.end()) waiting_.erase(oldest);
    order_.pop_front();
  }
  waiting_.emplace(nonce, Waiting{.device = device, .expires = now + kChallengeLife});
  order_.push_back(nonce);
  return nonce;
}

Result<> Challenges::redeem(const std::string& device, const std::string& nonce, SteadyTime now) {
  const auto found = waiting_.find(nonce);
  const bool good = found != waiting_.end() && found->second.device == device && found->second.expires > now;
  if (found != waiting_.end()) waiting_.erase(found);
  if (!good) return fail(kChallenge, "the nonce is unknown, used or older than 60 s; ask for a new one");
  return {};
}

}  // namespace aloft::server
