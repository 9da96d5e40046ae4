#include "fleet/blob_folder.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/errors.hpp"

namespace aloft::fleet {
namespace {

class BlobFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "aloft-blobs-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_))
      if (entry.is_regular_file()) ++count;
    return count;
  }
  Result<crypto::Digest> keep(const BlobFolder& blobs, std::string_view content) {
    BlobFolder::Upload upload = TRY(blobs.begin(random_));
    TRY(upload.write(as_bytes(content)));
    const crypto::Digest digest = TRY(upload.seal());
    TRY(blobs.publish(std::move(upload), digest));
    return digest;
  }
  std::filesystem::path folder_;
  SystemRandom random_;
};

TEST_F(BlobFolderTest, KeepsContentByItsDigest) {
  const BlobFolder blobs = BlobFolder::open(folder_).value();
  const crypto::Digest digest = keep(blobs, "content").value();
  EXPECT_EQ(digest, crypto::sha256(as_bytes("content")));
  Bytes bytes(7);
  EXPECT_EQ(read_full(blobs.read(digest).value().get(), bytes).value(), 7U);
  EXPECT_EQ(as_text(bytes), "content");
  EXPECT_EQ(keep(blobs, "content").value(), digest);
  EXPECT_EQ(files(), 1U) << "the same content is kept once";
  EXPECT_TRUE(blobs.remove(digest) && blobs.remove(digest));
  EXPECT_EQ(blobs.read(digest).error().code.number, kNotFound.number);
}

TEST_F(BlobFolderTest, AnAbandonedUploadLeavesNothing) {
  const BlobFolder blobs = BlobFolder::open(folder_).value();
  {
    BlobFolder::Upload upload = blobs.begin(random_).value();
    EXPECT_TRUE(upload.write(as_bytes("half")));
    EXPECT_EQ(files(), 1U);
  }
  EXPECT_EQ(files(), 0U);
}

TEST_F(BlobFolderTest, OpeningSweepsWhatACrashHasLeft) {
  const BlobFolder blobs = BlobFolder::open(folder_).value();
  const crypto::Digest digest = keep(blobs, "content").value();
  ASSERT_TRUE(replace_file(folder_ / "incoming" / "left", "half"));
  const BlobFolder again = BlobFolder::open(folder_).value();
  EXPECT_EQ(files(), 1U);
  EXPECT_TRUE(again.contains(digest));
}

}  // namespace
}  // namespace aloft::fleet
