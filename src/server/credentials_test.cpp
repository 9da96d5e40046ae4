#include "server/credentials.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

#include "base/unix_time.hpp"
#include "server/errors.hpp"

namespace aloft::server {
namespace {

TEST(Secrets, BeginWithALetter) {
  SeededRandom random(1);
  for (int i = 0; i < 1000; ++i) {
    const std::string secret = new_secret(random);
    EXPECT_EQ(secret.size(), 43U);
    EXPECT_TRUE((secret[0] >= 'A' && secret[0] <= 'Z') || (secret[0] >= 'a' && secret[0] <= 'f')) << secret;
  }
}

TEST(Passwords, MatchThemselvesOnly) {
  ASSERT_GE(sodium_init(), 0);
  const auto hash = hash_password("correct horse");
  ASSERT_TRUE(hash);
  EXPECT_TRUE(hash->starts_with("$argon2id$"));
  EXPECT_NE(*hash_password("correct horse"), *hash) << "salted";
  EXPECT_TRUE(password_matches(*hash, "correct horse"));
  EXPECT_FALSE(password_matches(*hash, "correct hors"));
  EXPECT_FALSE(password_matches("", "correct horse"));
}

TEST(Passwords, HaveALeastLength) {
  EXPECT_EQ(hash_password("123456789").error().code.number, kWeakPassword.number);
  EXPECT_EQ(hash_password(std::string(kMaxPasswordBytes + 1, 'x')).error().code.number, kWeakPassword.number);
}

TEST(AccessTokens, AreFoundByTheirSecretUntilTheyExpireOrAreRevoked) {
  FakeClock clock;
  const auto now_ms = unix_ms(clock.now());
  AccessTokens tokens;
  tokens.put({.id = 1, .user = "admin", .hash = hash_of("lasting")});
  tokens.put({.id = 2, .user = "admin", .hash = hash_of("short"), .expires_ms = now_ms + 1000});
  EXPECT_EQ(tokens.check("lasting", clock.now())->id, 1U);
  EXPECT_EQ(tokens.check("short", clock.now())->id, 2U);
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(tokens.check("short", clock.now()).error().code.number, kNotAuthenticated.number);
  EXPECT_FALSE(tokens.check("", clock.now()));
  tokens.remove(1);
  EXPECT_FALSE(tokens.check("lasting", clock.now()));
  EXPECT_EQ(tokens.of_user("admin").size(), 1U);
}

TEST(AccessTokens, NoteTheirUseByTheMinute) {
  FakeClock clock;
  AccessTokens tokens;
  tokens.put({.id = 1, .user = "admin", .hash = hash_of("one")});
  tokens.put({.id = 2, .user = "admin", .hash = hash_of("two")});
  EXPECT_TRUE(tokens.check("one", clock.now()));
  EXPECT_FALSE(tokens.check("none", clock.now()));
  const auto used = tokens.take_used();
  ASSERT_EQ(used.size(), 1U);
  EXPECT_EQ(used[0].token, 1U);
  EXPECT_EQ(used[0].time_ms, unix_ms(clock.now()));
  clock.advance(std::chrono::seconds(59));
  EXPECT_TRUE(tokens.check("one", clock.now()));
  EXPECT_TRUE(tokens.take_used().empty());
  clock.advance(std::chrono::seconds(1));
  EXPECT_TRUE(tokens.check("one", clock.now()));
  EXPECT_EQ(tokens.take_used().size(), 1U);
  EXPECT_EQ(tokens.of_user("admin")[0].used_ms, unix_ms(clock.now()));
}

TEST(AccessTokens, EndSessionsOfOneUserButForOne) {
  AccessTokens tokens;
  for (std::uint64_t id = 1; id <= 3; ++id) tokens.put({.id = id, .user = "ann", .hash = hash_of(std::to_string(id))});
  tokens.put({.id = 4, .kind = fleet::AccessToken::Kind::api, .user = "ann", .hash = hash_of("4")});
  tokens.put({.id = 5, .user = "bob", .hash = hash_of("5")});
  tokens.end_sessions("ann", 2);
  ASSERT_EQ(tokens.of_user("ann").size(), 2U);
  EXPECT_EQ(tokens.of_user("ann")[0].id, 2U);
  EXPECT_EQ(tokens.of_user("bob").size(), 1U);
}

TEST(Attempts, AreCountedByKeyAndMinute) {
  FakeClock clock;
  Attempts attempts(2);
  EXPECT_TRUE(attempts.count("a", clock.steady()));
  clock.advance(std::chrono::seconds(30));
  EXPECT_TRUE(attempts.count("a", clock.steady()));
  EXPECT_EQ(attempts.count("a", clock.steady()).error().code.number, kTooManyAttempts.number);
  EXPECT_TRUE(attempts.count("b", clock.steady()));
  clock.advance(std::chrono::seconds(30));
  EXPECT_TRUE(attempts.count("a", clock.steady()));
  EXPECT_FALSE(attempts.count("a", clock.steady()));
  attempts.forgive("a");
  EXPECT_TRUE(attempts.count("a", clock.steady()));
}

TEST(Attempts, AreCountedByTheNetworkOfAnAddress) {
  EXPECT_EQ(network_of("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(network_of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(network_of("2001:db8:1:2::"), "2001:db8:1:2::/64");
  EXPECT_NE(network_of("2001:db8:1:3::1"), network_of("2001:db8:1:2::1"));
  EXPECT_EQ(network_of("fe80::1%eth0"), "fe80::/64");
  EXPECT_EQ(network_of("::ffff:192.0.2.7"), "::ffff:192.0.2.7") << "IPv4 on a socket for both";
  EXPECT_EQ(network_of(""), "");
}

TEST(Attempts, ForgetThoseOfLongAgoRatherThanRefuseStrangers) {
  FakeClock clock;
  Attempts attempts(1);
  for (std::size_t key = 0; key < Attempts::kMaxKeys; ++key) EXPECT_TRUE(attempts.count("k" + std::to_string(key), clock.steady()));
  EXPECT_FALSE(attempts.count("k0", clock.steady())) << "who goes on trying is not forgotten";
  EXPECT_TRUE(attempts.count("stranger", clock.steady()));
  EXPECT_EQ(attempts.wait("another", clock.steady()).count(), 0);
  EXPECT_FALSE(attempts.count("k0", clock.steady()));
  EXPECT_TRUE(attempts.count("k1", clock.steady()));
  EXPECT_FALSE(attempts.count("k9999", clock.steady()));
  attempts.forgive("k0");
  attempts.forgive_last("k3");
  clock.advance(std::chrono::minutes(1));
  EXPECT_TRUE(attempts.count("k0", clock.steady()));
  EXPECT_TRUE(attempts.count("k3", clock.steady()));
}

TEST(NameAttempts, AreNotForgottenForOthers) {
  FakeClock clock;
  SeededRandom random{5};
  NameAttempts attempts(2, random);
  EXPECT_TRUE(attempts.count("admin", clock.steady()));
  EXPECT_TRUE(attempts.count("admin", clock.steady()));
  for (std::size_t other = 0; other < 3 * Attempts::kMaxKeys; ++other) (void)attempts.count("u" + std::to_string(other), clock.steady());
  EXPECT_EQ(attempts.count("admin", clock.steady()).error().code.number, kTooManyAttempts.number);
  attempts.forgive("admin");
  EXPECT_TRUE(attempts.count("admin", clock.steady()));
  clock.advance(std::chrono::minutes(1));
  EXPECT_TRUE(attempts.count("u1", clock.steady()));
}

TEST(Attempts, SayWhenTheNextIsTaken) {
  FakeClock clock;
  Attempts attempts(2);
  EXPECT_EQ(attempts.wait("a", clock.steady()).count(), 0);
  EXPECT_TRUE(attempts.count("a", clock.steady()));
  clock.advance(std::chrono::milliseconds(10'500));
  EXPECT_TRUE(attempts.count("a", clock.steady()));
  EXPECT_EQ(attempts.wait("a", clock.steady()).count(), 50);
  attempts.forgive_last("a");
  EXPECT_EQ(attempts.wait("a", clock.steady()).count(), 0);
  EXPECT_TRUE(attempts.count("a", clock.steady()));
  clock.advance(std::chrono::milliseconds(49'500));
  EXPECT_EQ(attempts.wait("a", clock.steady()).count(), 0);
  EXPECT_TRUE(attempts.count("a", clock.steady()));
}

}  // namespace
}  // namespace aloft::server
