#include "bundle/verity.hpp"

#include <gtest/gtest.h>

#include "bundle/errors.hpp"
#include "bundle/test_bundle.hpp"

namespace aloft::bundle {
namespace {

using crypto::test::must;

struct Protected {
  Bytes image;
  Verity verity;
};

ReadContent reader(const Bytes& image) {
  return [&image](std::uint64_t offset, MutableByteView buffer) -> Result<> {
    std::copy_n(image.begin() + static_cast<std::ptrdiff_t>(offset), buffer.size(), buffer.begin());
    return {};
  };
}

Protected protect(std::size_t blocks) {
  Protected made{.image = test::test_content(blocks * kVerityBlockBytes, 4)};
  VeritySalt salt;
  salt.fill(std::byte{0xAB});
  Bytes area;
  made.verity = must(build_verity(reader(made.image), made.image.size(), salt, area));
  made.image.insert(made.image.end(), area.begin(), area.end());
  return made;
}

// That roots and trees are those of cryptsetup is tested in tests/bundle_test.py, against its tool.
TEST(Verity, TheTreeIsTheOneOfItsData) {
  for (const std::size_t blocks : {1U, 2U, 128U, 129U, 128U * 128U + 1}) {
    const Protected made = protect(blocks);
    EXPECT_EQ(made.image.size(), made.verity.data_bytes + verity_area_bytes(made.verity.data_bytes));
    EXPECT_TRUE(check_verity(reader(made.image), made.verity)) << blocks;
  }
  EXPECT_EQ(verity_area_bytes(kVerityBlockBytes), kVerityBlockBytes);
  EXPECT_EQ(verity_area_bytes(128 * kVerityBlockBytes), 2 * kVerityBlockBytes);
  EXPECT_EQ(verity_area_bytes(129 * kVerityBlockBytes), 4 * kVerityBlockBytes);
}

TEST(Verity, EveryAlteredByteIsNoticed) {
  const Protected made = protect(300);
  for (std::size_t at = 77; at < made.image.size(); at += 4001) {
    Bytes altered = made.image;
    altered[at] ^= std::byte{1};
    EXPECT_EQ(check_verity(reader(altered), made.verity).error().code.number, kVerityTree.number) << at;
  }
  Verity other = made.verity;
  other.root[0] ^= std::byte{1};
  EXPECT_FALSE(check_verity(reader(made.image), other));
  other = made.verity;
  other.salt[0] ^= std::byte{1};
  EXPECT_FALSE(check_verity(reader(made.image), other));
}

}  // namespace
}  // namespace aloft::bundle
