#include "base/bytes.hpp"

#include <gtest/gtest.h>

#include <random>

#include "base/errors.hpp"

namespace aloft {
namespace {

TEST(Hex, RoundTripsAndRefusesWhatIsNotCanonical) {
  EXPECT_EQ(to_hex(as_bytes("\x01\xfe")), "01fe");
  EXPECT_EQ(as_text(*from_hex("616263")), "abc");
  for (const char* bad : {"0", "0G", "AB", "0x", " 00"}) EXPECT_EQ(from_hex(bad).error().code.number, kBadEncoding.number) << bad;
}

TEST(Base64, MatchesRfc4648Vectors) {
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), encoded);
    EXPECT_EQ(as_text(*from_base64(encoded)), plain);
  }
}

TEST(Base64, OneValueHasOneText) {
  for (const char* bad : {"Zg=", "Zg", "Zh==", "Zg==\n", "Zg= =", "=Zg=", "Z===", "Zm9*"}) EXPECT_FALSE(from_base64(bad)) << bad;
  for (const char* bad : {"Zg==", "Zh", "Z", "Zm+v"}) EXPECT_FALSE(from_base64url(bad)) << bad;
}

TEST(Base64, RandomBytesRoundTrip) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 70; ++size) {
    Bytes bytes(size);
    for (auto& b : bytes) b = static_cast<std::byte>(random());
    EXPECT_EQ(*from_base64(to_base64(bytes)), bytes);
    EXPECT_EQ(*from_base64url(to_base64url(bytes)), bytes);
  }
}

TEST(LittleEndian, RoundTrips) {
  std::array<std::byte, 8> buffer{};
  store_le64(buffer, 0x0102030405060708ULL);
  EXPECT_EQ(to_hex(buffer), "0807060504030201");
  EXPECT_EQ(load_le64(buffer), 0x0102030405060708ULL);
  EXPECT_EQ(load_le32(buffer), 0x05060708U);
}

}  // namespace
}  // namespace aloft
