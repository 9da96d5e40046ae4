#include "crypto/old_digests.hpp"

#include <gtest/gtest.h>

namespace aloft::crypto {
namespace {

// RFC 1321, appendix A.5; FIPS 180 examples.
TEST(OldDigests, AreThoseOfTheStandards) {
  OldDigests digests;
  digests.update(as_bytes("a"));
  digests.update(as_bytes("bc"));
  const OldDigests::Hex hex = digests.finish();
  EXPECT_EQ(hex.md5, "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(hex.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
}

}  // namespace
}  // namespace aloft::crypto
