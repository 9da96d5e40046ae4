#include "crypto/sha256_each.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace aloft::crypto {
namespace {

// Held against OpenSSL: every length around the padding's edges beside every other, and long ones beside short ones.
TEST(Sha256Each, GivesWhatEachGivesAlone) {
  constexpr std::size_t kMost = 200;
  Bytes bytes(70'000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 131 + i / 251);
  std::vector<ByteView> contents;
  for (std::size_t first = 0; first <= kMost; ++first) {
    for (std::size_t second = 0; second <= kMost; ++second) {
      contents.push_back(ByteView(bytes).subspan(second, first));
      contents.push_back(ByteView(bytes).subspan(first, second));
    }
  }
  contents.insert(contents.end(),
                  {ByteView(bytes), ByteView(bytes).subspan(1, 65'536), ByteView(bytes).first(1), ByteView(bytes).subspan(3)});
  contents.push_back(ByteView(bytes).first(5'000));  // the last one is alone
  std::vector<Digest> digests(contents.size());
  sha256_each(contents, digests);
  for (std::size_t i = 0; i < contents.size(); ++i)
    ASSERT_EQ(digests[i], sha256(contents[i])) << "number " << i << ", of " << contents[i].size() << " bytes";
}

}  // namespace
}  // namespace aloft::crypto
