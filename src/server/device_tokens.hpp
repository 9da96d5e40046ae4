// How a device shows who it is: it signs a nonce with its key and gets a bearer token that carries its own proof, so that checking it
// needs neither the store nor a table. On the loop's thread.
#pragma once

#include <chrono>
#include <deque>
#include <string>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "crypto/hmac.hpp"
#include "httpd/message.hpp"

namespace aloft::server {

inline constexpr std::chrono::seconds kDeviceTokenLife{12 * 3600};
inline constexpr std::chrono::seconds kChallengeLife{60};
inline constexpr std::size_t kMaxChallenges = 100'000;

// HMAC-SHA256 under the server's secret over device, key and expiry.
class DeviceTokens {
 public:
  explicit DeviceTokens(const Bytes& secret);
  std::string issue(std::string_view device, const crypto::Digest& key_sha256, WallTime now) const;

  // Parts of the token.
  struct Claim {
    std::string_view device;
    std::string_view key_prefix;  // first 16 hex digits of the key's digest: a replaced key ends its tokens
  };
  // proven: of the connection, or null. The seal of the token that was good last on it, here, is not made again.
  // Errors: kNotAuthenticated.
  Result<Claim> check(std::string_view token, WallTime now, httpd::Proven* proven = nullptr) const;
  static bool is_of(const Claim& claim, const crypto::Digest& key_sha256);
  static std::string key_prefix(const crypto::Digest& key_sha256);

 private:
  std::string seal(std::string_view payload) const;
  bool is_sealed(std::string_view payload, std::string_view given) const;
  crypto::HmacSha256 mac_;
  std::uint64_t self_;  // in Proven::by; no other in this process has it
};

// Nonces that wait for their signature; each is good once.
class Challenges {
 public:
  // The oldest are forgotten when there are too many.
  std::string issue(const std::string& device, Random& random, SteadyTime now);
  // Errors: kChallenge when it is unknown, used, of another device, or too old.
  Result<> redeem(const std::string& device, const std::string& nonce, SteadyTime now);

 private:
  struct Waiting {
    std::string device;
    SteadyTime expires;
  };
  std::unordered_map<std::string, Waiting> waiting_;
  std::deque<std::string> order_;
};

}  // namespace aloft::server
