#include "server/credentials.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

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
  const auto now_ms = static_cast<std::uint64_t>(clock.now().time_since_epoch().count());
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
