#include "server/device_tokens.hpp"

#include <gtest/gtest.h>

#include "server/errors.hpp"

namespace aloft::server {
namespace {

const crypto::Digest kKey = crypto::sha256(as_bytes("key"));

TEST(DeviceTokens, AreGoodUntilTheyExpire) {
  FakeClock clock;
  const DeviceTokens tokens(Bytes(32, std::byte{7}));
  const std::string token = tokens.issue("cam-01", kKey, clock.now());
  const auto claim = tokens.check(token, clock.now());
  ASSERT_TRUE(claim);
  EXPECT_EQ(claim->device, "cam-01");
  EXPECT_EQ(claim->key_prefix, DeviceTokens::key_prefix(kKey));
  EXPECT_TRUE(DeviceTokens::is_of(*claim, kKey));
  EXPECT_FALSE(DeviceTokens::is_of(*claim, crypto::sha256(as_bytes("another key"))));
  EXPECT_FALSE(DeviceTokens::is_of({.device = "cam-01", .key_prefix = claim->key_prefix.substr(1)}, kKey));
  EXPECT_FALSE(DeviceTokens::is_of({.device = "cam-01", .key_prefix = ""}, kKey));
  clock.advance(kDeviceTokenLife - std::chrono::milliseconds(1));
  EXPECT_TRUE(tokens.check(token, clock.now()));
  clock.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(tokens.check(token, clock.now()).error().code.number, kNotAuthenticated.number);
}

TEST(DeviceTokens, CannotBeMadeOrChangedByOthers) {
  FakeClock clock;
  const DeviceTokens tokens(Bytes(32, std::byte{7}));
  const std::string token = tokens.issue("cam-01", kKey, clock.now());
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string other = token;
    other[i] = other[i] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(tokens.check(other, clock.now())) << i;
  }
  for (std::size_t size = 0; size < token.size(); ++size) EXPECT_FALSE(tokens.check(token.substr(0, size), clock.now()));
  EXPECT_FALSE(DeviceTokens(Bytes(32, std::byte{8})).check(token, clock.now()));
}

TEST(DeviceTokens, ThatWereGoodOnTheConnectionStillExpireAndStandForNoOther) {
  FakeClock clock;
  const DeviceTokens tokens(Bytes(32, std::byte{7}));
  const std::string token = tokens.issue("cam-01", kKey, clock.now());
  httpd::Proven proven;
  std::string changed = token;
  changed.back() = changed.back() == 'x' ? 'y' : 'x';
  EXPECT_FALSE(tokens.check(changed, clock.now(), &proven));
  EXPECT_EQ(proven.credential, "") << "what was refused is not proven";
  ASSERT_TRUE(tokens.check(token, clock.now(), &proven));
  EXPECT_EQ(proven.credential, token);
  EXPECT_EQ(tokens.check(token, clock.now(), &proven)->device, "cam-01");
  EXPECT_FALSE(tokens.check(changed, clock.now(), &proven));
  EXPECT_FALSE(tokens.check(token.substr(0, token.size() - 1), clock.now(), &proven));
  EXPECT_FALSE(tokens.check("", clock.now(), &proven));
  EXPECT_EQ(tokens.check(tokens.issue("cam-02", kKey, clock.now()), clock.now(), &proven)->device, "cam-02");
  EXPECT_EQ(tokens.check(token, clock.now(), &proven)->device, "cam-01");
  EXPECT_FALSE(DeviceTokens(Bytes(32, std::byte{8})).check(token, clock.now(), &proven)) << "another tenant on the same connection";
  EXPECT_TRUE(tokens.check(token, clock.now(), &proven));
  clock.advance(kDeviceTokenLife);
  EXPECT_FALSE(tokens.check(token, clock.now(), &proven)) << "it has expired";
}

TEST(Challenges, AreGoodOnceForOneDeviceAndNotForLong) {
  FakeClock clock;
  SystemRandom random;
  Challenges challenges;
  const std::string nonce = challenges.issue("cam-01", random, clock.steady());
  EXPECT_TRUE(challenges.redeem("cam-01", nonce, clock.steady()));
  EXPECT_EQ(challenges.redeem("cam-01", nonce, clock.steady()).error().code.number, kChallenge.number);
  const std::string others = challenges.issue("cam-02", random, clock.steady());
  EXPECT_FALSE(challenges.redeem("cam-01", others, clock.steady()));
  EXPECT_FALSE(challenges.redeem("cam-02", others, clock.steady())) << "a wrong guess uses it up";
  const std::string late = challenges.issue("cam-01", random, clock.steady());
  clock.advance(kChallengeLife);
  EXPECT_FALSE(challenges.redeem("cam-01", late, clock.steady()));
}

TEST(Challenges, HaveAWrittenLimit) {
  FakeClock clock;
  SeededRandom random(1);
  Challenges challenges;
  const std::string first = challenges.issue("cam-01", random, clock.steady());
  for (std::size_t i = 0; i < kMaxChallenges; ++i) challenges.issue("cam-02", random, clock.steady());
  EXPECT_FALSE(challenges.redeem("cam-01", first, clock.steady()));
}

}  // namespace
}  // namespace aloft::server
