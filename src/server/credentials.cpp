#include "server/credentials.hpp"

#include <arpa/inet.h>
#include <sodium.h>

#include <algorithm>
#include <array>

#include "base/unix_time.hpp"
#include "crypto/sha256.hpp"
#include "server/errors.hpp"

namespace aloft::server {
namespace {

constexpr std::uint64_t kUseNotedEveryMs = 60'000;

}  // namespace

std::string new_secret(Random& random) {
  std::array<std::byte, 32> bytes{};
  random.fill(bytes);
  bytes[0] &= std::byte{0x7f};  // the first character is one of A to f
  return to_base64url(bytes);
}

crypto::Digest hash_of(std::string_view secret) { return crypto::sha256(as_bytes(secret)); }

Result<std::string> hash_password(const std::string& password) {
  if (password.size() < kMinPasswordBytes || password.size() > kMaxPasswordBytes)
    return fail(kWeakPassword, "a password must have at least " + std::to_string(kMinPasswordBytes) + " characters; choose a longer one");
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  if (crypto_pwhash_argon2id_str(hash.data(), password.data(), password.size(), crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE,
                                 crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE) != 0)
    return fail(kTooManyAttempts, "the server has not enough memory to check a password now; try again");
  return std::string(hash.data());
}

bool password_matches(const std::string& hash, const std::string& password) {
  return crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
}

Result<> AccessTokens::load(fleet::Store& store) {
  for (const fleet::AccessToken& token : TRY(store.access_tokens())) put(token);
  return {};
}

void AccessTokens::remove(std::uint64_t id) {
  std::erase_if(tokens_, [id](const auto& item) { return item.second.id == id; });
}

void AccessTokens::remove_user(const std::string& user) {
  std::erase_if(tokens_, [&user](const auto& item) { return item.second.user == user; });
}

void AccessTokens::remove_outside(const std::function<bool(const std::string& issuer)>& is_known) {
  std::erase_if(tokens_, [&](const auto& item) { return !item.second.issuer.empty() && !is_known(item.second.issuer); });
}

void AccessTokens::end_sessions(const std::string& user, std::uint64_t but) {
  std::erase_if(tokens_, [&user, but](const auto& item) {
    const fleet::AccessToken& token = item.second;
    return token.user == user && token.kind == fleet::AccessToken::Kind::session && token.id != but;
  });
}

void AccessTokens::set_roles(const std::string& user, fleet::Roles roles) {
  for (auto& [hash, token] : tokens_)
    if (token.user == user) token.roles = roles;
}

const fleet::AccessToken* AccessTokens::find(const crypto::Digest& hash, WallTime now) const {
  const auto found = tokens_.find(to_hex(hash));
  if (found == tokens_.end() || (found->second.expires_ms && *found->second.expires_ms <= unix_ms(now))) return nullptr;
  return &found->second;
}

Result<fleet::AccessToken> AccessTokens::check(std::string_view secret, WallTime now) {
  const crypto::Digest hash = hash_of(secret);
  if (find(hash, now) == nullptr)
    return fail(kNotAuthenticated, "not logged in, or the session has ended; log in and send \"Authorization: Bearer <token>\"");
  fleet::AccessToken& token = tokens_.at(to_hex(hash));
  const auto now_ms = unix_ms(now);
  if (token.used_ms + kUseNotedEveryMs <= now_ms) used_[token.id] = token.used_ms = now_ms;
  return token;
}

std::vector<fleet::TokenUse> AccessTokens::take_used() {
  std::vector<fleet::TokenUse> taken;
  for (const auto& [id, time_ms] : used_) taken.push_back({.token = id, .time_ms = time_ms});
  used_.clear();
  return taken;
}

std::vector<fleet::AccessToken> AccessTokens::of_user(const std::string& user) const {
  std::map<std::uint64_t, fleet::AccessToken> ordered;
  for (const auto& [hash, token] : tokens_)
    if (token.user == user) ordered.emplace(token.id, token);
  std::vector<fleet::AccessToken> tokens;
  for (const auto& [id, token] : ordered) tokens.push_back(token);
  return tokens;
}

std::string network_of(const std::string& address) {
  in6_addr bytes{};
  const std::string plain = address.substr(0, address.find('%'));
  if (::inet_pton(AF_INET6, plain.c_str(), &bytes) != 1 || IN6_IS_ADDR_V4MAPPED(&bytes)) return address;
  std::fill(std::begin(bytes.s6_addr) + 8, std::end(bytes.s6_addr), 0);
  char text[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(AF_INET6, &bytes, text, sizeof text);
  return std::string(text) + "/64";
}

void Attempts::forget_old(SteadyTime now) {
  while (!order_.empty()) {
    const auto oldest = recent_.find(order_.front());
    if (recent_.size() < kMaxKeys && oldest->second.times.back() + std::chrono::minutes(1) > now) return;
    recent_.erase(oldest);
    order_.pop_front();
  }
}

Result<> Attempts::count(const std::string& key, SteadyTime now) {
  if (!recent_.contains(key)) {
    forget_old(now);
    recent_.emplace(key, Recent{.times = {}, .place = order_.insert(order_.end(), key)});
  }
  auto& [times, place] = recent_.at(key);
  order_.splice(order_.end(), order_, place);
  while (!times.empty() && times.front() + std::chrono::minutes(1) <= now) times.pop_front();
  if (times.size() >= limit_) return fail(kTooManyAttempts, "too many attempts; wait a minute");
  times.push_back(now);
  return {};
}

std::chrono::seconds Attempts::wait(const std::string& key, SteadyTime now) const {
  const auto found = recent_.find(key);
  if (found == recent_.end() || found->second.times.size() < limit_) return std::chrono::seconds(0);
  const std::deque<SteadyTime>& times = found->second.times;
  const auto free = times[times.size() - limit_] + std::chrono::minutes(1);
  return free <= now ? std::chrono::seconds(0) : std::chrono::ceil<std::chrono::seconds>(free - now);
}

void Attempts::forgive(const std::string& key) {
  const auto found = recent_.find(key);
  if (found == recent_.end()) return;
  order_.erase(found->second.place);
  recent_.erase(found);
}

void Attempts::forgive_last(const std::string& key) {
  const auto found = recent_.find(key);
  if (found == recent_.end()) return;
  found->second.times.pop_back();
  if (found->second.times.empty()) forgive(key);
}

NameAttempts::NameAttempts(std::size_t limit, Random& random) : attempts_(limit) { random.fill(salt_); }

std::string NameAttempts::bucket_of(std::string_view name) const {
  constexpr std::uint32_t kBuckets = 1 << 13;
  static_assert(kBuckets < Attempts::kMaxKeys);
  const crypto::Digest digest = crypto::sha256(as_bytes(to_hex(salt_) + std::string(name)));
  return std::to_string(load_le32(std::span(digest).first(4)) % kBuckets);
}

Result<> NameAttempts::count(std::string_view name, SteadyTime now) { return attempts_.count(bucket_of(name), now); }

void NameAttempts::forgive(std::string_view name) { attempts_.forgive(bucket_of(name)); }

}  // namespace aloft::server
