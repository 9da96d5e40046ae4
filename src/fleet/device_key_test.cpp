#include "fleet/device_key.hpp"

#include <gtest/gtest.h>

#include "crypto/key.hpp"
#include "fleet/errors.hpp"

namespace aloft::fleet {
namespace {

TEST(DeviceKey, IsNamedByItsDigestHoweverItIsWritten) {
  const auto key = crypto::PrivateKey::generate(crypto::KeyType::ed25519).value();
  const auto digest = device_key_sha256(key.public_pem());
  ASSERT_TRUE(digest);
  EXPECT_EQ(*device_key_sha256(key.public_pem() + "\n\n"), *digest);
  EXPECT_TRUE(device_key_sha256(crypto::PrivateKey::generate(crypto::KeyType::p256)->public_pem()));
}

TEST(DeviceKey, OfAnotherKindIsRefused) {
  const std::string rsa = crypto::PrivateKey::generate(crypto::KeyType::rsa3072)->public_pem();
  for (const std::string& text :
       {rsa, std::string(), std::string("key"), std::string("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")}) {
    const auto digest = device_key_sha256(text);
    ASSERT_FALSE(digest);
    EXPECT_EQ(digest.error().code.number, kDeviceKey.number);
  }
}

}  // namespace
}  // namespace aloft::fleet
