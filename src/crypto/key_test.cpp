#include "crypto/key.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.hpp"
#include "crypto/errors.hpp"

namespace aloft::crypto {
namespace {

constexpr auto kMessage = "aloft device challenge";

class KeyOfType : public testing::TestWithParam<KeyType> {};
INSTANTIATE_TEST_SUITE_P(Types, KeyOfType, testing::Values(KeyType::ed25519, KeyType::p256, KeyType::rsa3072));

TEST_P(KeyOfType, SignsTheSameBytesEachTimeAndVerifies) {
  const auto key = *PrivateKey::generate(GetParam());
  const auto signature = *key.sign(as_bytes(kMessage));
  EXPECT_EQ(signature, *key.sign(as_bytes(kMessage)));
  EXPECT_TRUE(verify_signature(key.public_pem(), as_bytes(kMessage), signature));
  const auto other = verify_signature(key.public_pem(), as_bytes("another"), signature);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code.number, kBadSignature.number);
}

TEST_P(KeyOfType, NoFlippedBitOfASignatureVerifies) {
  const auto key = *PrivateKey::generate(GetParam());
  const auto good = *key.sign(as_bytes(kMessage));
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bad = good;
    bad[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    ASSERT_FALSE(verify_signature(key.public_pem(), as_bytes(kMessage), bad)) << bit;
  }
}

TEST(PrivateKey, IsSavedForItsOwnerOnlyAndLoads) {
  const auto folder = std::filesystem::path(testing::TempDir()) / ("aloft_key_test." + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const auto path = folder / "device.pem";
  const auto key = *PrivateKey::generate(KeyType::ed25519);
  ASSERT_TRUE(key.save(path));
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(PrivateKey::load(path)->public_pem(), key.public_pem());
  std::filesystem::remove_all(folder);
}

TEST(PrivateKey, RefusesWhatIsNoUsableKey) {
  EXPECT_EQ(PrivateKey::from_pem("").error().code.number, kBadKey.number);
  EXPECT_EQ(PrivateKey::from_pem("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n").error().code.number,
            kBadKey.number);
  EXPECT_EQ(verify_signature("no key", as_bytes(kMessage), {}).error().code.number, kBadKey.number);
}

// RFC 6979 appendix A.2.5: P-256 with SHA-256.
TEST(PrivateKey, SignsEcdsaAsRfc6979Says) {
  const Bytes sec1 = *from_hex("30310201010420c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721a00a06082a8648ce3d030107");
  const auto key = PrivateKey::from_pem("-----BEGIN EC PRIVATE KEY-----\n" + to_base64(sec1) + "\n-----END EC PRIVATE KEY-----\n");
  ASSERT_TRUE(key) << key.error().text();
  const struct {
    const char* message;
    const char* r;
    const char* s;
  } cases[] = {
      {"sample", "00efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
       "00f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
      {"test", "00f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
       "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"},
  };
  for (const auto& expected : cases) {
    const std::string hex = to_hex(*key->sign(as_bytes(expected.message)));
    EXPECT_NE(hex.find(expected.r), std::string::npos) << hex;
    EXPECT_NE(hex.find(expected.s), std::string::npos) << hex;
  }
}

}  // namespace
}  // namespace aloft::crypto
