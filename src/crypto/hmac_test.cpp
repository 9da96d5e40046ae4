#include "crypto/hmac.hpp"

#include <gtest/gtest.h>

namespace aloft::crypto {
namespace {

// RFC 4231, cases 1, 2, 6 and 7.
TEST(HmacSha256, IsThatOfTheRfc) {
  const std::string long_key(131, '\xaa');
  const struct {
    std::string key;
    std::string text;
    std::string_view mac;
  } cases[] = {
      {std::string(20, '\x0b'), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {long_key, "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {long_key,
       "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used "
       "by the HMAC algorithm.",
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
  for (const auto& one : cases) EXPECT_EQ(to_hex(HmacSha256(as_bytes(one.key)).of(one.text)), one.mac);
}

}  // namespace
}  // namespace aloft::crypto
