#include "fleet/sqlite_store.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "fleet/errors.hpp"
#include "fleet/store_contract.hpp"

namespace aloft::fleet {
namespace {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "aloft-store-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::filesystem::path path_;
};

// The store in a folder that goes when the store goes.
std::unique_ptr<Store> fresh_sqlite() {
  static std::vector<std::unique_ptr<TemporaryFolder>> folders;
  folders.push_back(std::make_unique<TemporaryFolder>());
  return SqliteStore::open(folders.back()->path_ / "fleet.db").value();
}

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, ::testing::Values(StoreMaker(fresh_sqlite)));

TEST(SqliteStore, KeepsEverythingOverARestart) {
  const TemporaryFolder folder;
  {
    const auto store = SqliteStore::open(folder.path_ / "fleet.db").value();
    EXPECT_TRUE(wait<>([&](auto done) { store->put_setting("x", "1", done); }));
  }
  EXPECT_EQ(**SqliteStore::open(folder.path_ / "fleet.db").value()->setting("x"), "1");
}

TEST(SqliteStore, RefusesTheDatabaseOfANewerProgram) {
  const TemporaryFolder folder;
  {
    EXPECT_TRUE(SqliteStore::open(folder.path_ / "fleet.db"));
    Database database = Database::open(folder.path_ / "fleet.db", Database::Access::read_write).value();
    EXPECT_TRUE(database.execute("PRAGMA user_version=1000"));
  }
  const auto opened = SqliteStore::open(folder.path_ / "fleet.db");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code.number, kStoreTooNew.number);
}

}  // namespace
}  // namespace aloft::fleet
