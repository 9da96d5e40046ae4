// Operators' passwords, sessions and API tokens.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "fleet/store.hpp"

namespace aloft::server {

inline constexpr std::size_t kMinPasswordBytes = 10;
inline constexpr std::size_t kMaxPasswordBytes = 1024;
inline constexpr std::chrono::seconds kSessionLife{12 * 3600};

// 255 random bits, base64url: what a bearer, an enrolment or the set-up token consists of. Begins with a letter: programs that take it on
// their command line read a leading '-' as an option (SWUpdate 2022.12 then ceases to poll, without a word).
std::string new_secret(Random& random);
// How secrets are kept. Secrets have 255 bits of entropy, so a plain digest is enough.
crypto::Digest hash_of(std::string_view secret);

// argon2id, 64 MiB, some 100 ms: never on the loop's thread. Errors: kWeakPassword.
Result<std::string> hash_password(const std::string& password);
bool password_matches(const std::string& hash, const std::string& password);

// The access tokens in force, in memory; follows the store like the roster. On the loop's thread.
class AccessTokens {
 public:
  Result<> load(fleet::Store& store);
  void put(const fleet::AccessToken& token) { tokens_.insert_or_assign(to_hex(token.hash), token); }
  void remove(std::uint64_t id);
  void remove_user(const std::string& user);
  // Those of people whom another identity provider has vouched for.
  void remove_outside(const std::function<bool(const std::string& issuer)>& is_known);
  // All of them, or all but the one of this id.
  void end_sessions(const std::string& user, std::uint64_t but = 0);
  void set_roles(const std::string& user, fleet::Roles roles);
  // The one with that digest of its secret that is in force at that time; null: there is none. Until the next change.
  const fleet::AccessToken* find(const crypto::Digest& hash, WallTime now) const;
  // Notes that it was used, by the minute. Errors: kNotAuthenticated.
  Result<fleet::AccessToken> check(std::string_view secret, WallTime now);
  std::vector<fleet::AccessToken> of_user(const std::string& user) const;
  // Which were used since this was asked last.
  std::vector<fleet::TokenUse> take_used();

 private:
  std::map<std::string, fleet::AccessToken> tokens_;
  std::map<std::uint64_t, std::uint64_t> used_;  // when, by id
};

// What attempts from an address are counted by: itself, or of IPv6 its /64, as whoever has one of these has all.
std::string network_of(const std::string& address);

// At most `limit` attempts per key within a minute. Of more than kMaxKeys keys those are forgotten that were tried longest ago, so that
// nobody fills the table up for others. On the loop's thread.
class Attempts {
 public:
  explicit Attempts(std::size_t limit) : limit_(limit) {}
  // Errors: kTooManyAttempts.
  Result<> count(const std::string& key, SteadyTime now);
  // Until the next attempt is taken: 0 if it is now, else at least 1 s.
  std::chrono::seconds wait(const std::string& key, SteadyTime now) const;
  void forgive(const std::string& key);
  void forgive_last(const std::string& key);

  static constexpr std::size_t kMaxKeys = 10'000;

 private:
  using Order = std::list<std::string>;
  struct Recent {
    std::deque<SteadyTime> times;
    Order::iterator place;
  };
  void forget_old(SteadyTime now);
  std::size_t limit_;
  std::unordered_map<std::string, Recent> recent_;
  Order order_;  // of the keys, by when they were tried last
};

// The same for names, which whoever tries may choose: each falls into one of fewer than Attempts::kMaxKeys buckets, nobody outside can tell
// which, so no count is forgotten for others. On the loop's thread.
class NameAttempts {
 public:
  NameAttempts(std::size_t limit, Random& random);
  // Errors: kTooManyAttempts.
  Result<> count(std::string_view name, SteadyTime now);
  void forgive(std::string_view name);

 private:
  std::string bucket_of(std::string_view name) const;
  std::array<std::byte, 16> salt_{};
  Attempts attempts_;
};

}  // namespace aloft::server
