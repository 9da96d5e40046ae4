#include "fleet/backup.hpp"

#include <gtest/gtest.h>

#include "base/file.hpp"
#include "fleet/blob_folder.hpp"
#include "fleet/errors.hpp"
#include "fleet/sqlite_store.hpp"
#include "fleet/test_store_folder.hpp"

namespace aloft::fleet {
namespace {

class BackupTest : public ::testing::Test {
 protected:
  BackupTest() {
    EXPECT_TRUE(std::filesystem::create_directory(data_));
    store_ = SqliteStore::open(data_ / "fleet.db").value();
    EXPECT_TRUE(wait<>([&](auto done) { store_->put_setting("x", "1", done); }));
    const BlobFolder blobs = BlobFolder::open(data_).value();
    SystemRandom random;
    auto upload = blobs.begin(random).value();
    EXPECT_TRUE(upload.write(as_bytes("the artifact")));
    sha256_ = upload.seal().value();
    EXPECT_TRUE(blobs.publish(std::move(upload), sha256_));
    EXPECT_TRUE(replace_file(data_ / "tls.key", "secret", 0600));
  }
  std::filesystem::path blob_in(const std::filesystem::path& folder) const {
    const std::string hex = to_hex(sha256_);
    return folder / "blobs" / hex.substr(0, 2) / hex;
  }

  const TestStoreFolder folder_;
  const std::filesystem::path data_ = folder_.path() / "data";
  const std::filesystem::path copy_ = folder_.path() / "copy";
  const std::filesystem::path again_ = folder_.path() / "again";
  std::unique_ptr<SqliteStore> store_;
  Digest sha256_{};
};

TEST_F(BackupTest, ComesBackAsItWasWhileTheStoreIsInUse) {
  const auto backup = back_up(data_, copy_);
  ASSERT_TRUE(backup) << backup.error().text();
  EXPECT_EQ(backup->blobs, 1U);
  EXPECT_TRUE(wait<>([&](auto done) { store_->put_setting("x", "2", done); })) << "the server goes on";
  ASSERT_TRUE(restore(copy_, again_));
  EXPECT_EQ(**SqliteStore::open(again_ / "fleet.db").value()->setting("x"), "1");
  EXPECT_EQ(*read_file(blob_in(again_)), "the artifact");
  EXPECT_EQ(*read_file(again_ / "tls.key"), "secret");
}

TEST_F(BackupTest, NeverWritesOverAnything) {
  ASSERT_TRUE(back_up(data_, copy_));
  EXPECT_EQ(back_up(data_, copy_).error().code.number, kBackupPlace.number);
  EXPECT_EQ(restore(copy_, data_).error().code.number, kBackupPlace.number);
  EXPECT_EQ(back_up(folder_.path() / "nowhere", again_).error().code.number, kBackupPlace.number);
}

TEST_F(BackupTest, AnUnfinishedOrDamagedOneIsRefused) {
  ASSERT_TRUE(back_up(data_, copy_));
  std::filesystem::remove(copy_ / "complete");
  EXPECT_EQ(restore(copy_, again_).error().code.number, kBackupPlace.number);
  ASSERT_TRUE(replace_file(copy_ / "complete", "", 0600));
  ASSERT_TRUE(replace_file(blob_in(copy_), "the artefact", 0600));
  EXPECT_EQ(restore(copy_, again_).error().code.number, kBackupDamaged.number);
}

TEST_F(BackupTest, ADamagedArtifactIsNoticedWhenItIsCopied) {
  ASSERT_TRUE(replace_file(blob_in(data_), "something else", 0600));
  EXPECT_EQ(back_up(data_, copy_).error().code.number, kBackupDamaged.number);
  EXPECT_FALSE(std::filesystem::exists(copy_ / "complete"));
}

}  // namespace
}  // namespace aloft::fleet
