#include "fleet/sqlite_store.hpp"

#include <gtest/gtest.h>

#include <map>

#include "fleet/errors.hpp"
#include "fleet/sqlite_schema.hpp"
#include "fleet/store_contract.hpp"
#include "fleet/test_store_folder.hpp"

namespace aloft::fleet {
namespace {

// The store in a folder that goes when the store goes.
std::unique_ptr<Store> fresh_sqlite() {
  static std::vector<std::unique_ptr<TestStoreFolder>> folders;
  folders.push_back(std::make_unique<TestStoreFolder>());
  return SqliteStore::open(folders.back()->file()).value();
}

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, ::testing::Values(StoreMaker(fresh_sqlite)));
INSTANTIATE_TEST_SUITE_P(Sqlite, StoreDeltas, ::testing::Values(StoreMaker(fresh_sqlite)));
INSTANTIATE_TEST_SUITE_P(Sqlite, StoreRollouts, ::testing::Values(StoreMaker(fresh_sqlite)));
INSTANTIATE_TEST_SUITE_P(Sqlite, StoreHolds, ::testing::Values(StoreMaker(fresh_sqlite)));
INSTANTIATE_TEST_SUITE_P(Sqlite, StoreHealth, ::testing::Values(StoreMaker(fresh_sqlite)));
INSTANTIATE_TEST_SUITE_P(Sqlite, StoreQuotas, ::testing::Values(StoreMaker(fresh_sqlite)));
INSTANTIATE_TEST_SUITE_P(Sqlite, StoreDdi, ::testing::Values(StoreMaker(fresh_sqlite)));

TEST(SqliteStore, KeepsEverythingOverARestart) {
  const TestStoreFolder folder;
  {
    const auto store = SqliteStore::open(folder.file()).value();
    EXPECT_TRUE(wait<>([&](auto done) { store->put_setting("x", "1", done); }));
  }
  EXPECT_EQ(**SqliteStore::open(folder.file()).value()->setting("x"), "1");
}

TEST(SqliteStore, RefusesTheDatabaseOfANewerProgram) {
  const TestStoreFolder folder;
  {
    EXPECT_TRUE(SqliteStore::open(folder.file()));
    Database database = Database::open(folder.file(), Database::Access::read_write).value();
    EXPECT_TRUE(database.execute("PRAGMA user_version=1000"));
  }
  const auto opened = SqliteStore::open(folder.file());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code.number, kStoreTooNew.number);
}

// The database of every released program comes along: this one was written by the first schema that had problems in it.
TEST(SqliteStore, BringsAnOldDatabaseUpToDate) {
  const TestStoreFolder folder;
  {
    Database old = Database::open(folder.file(), Database::Access::read_write).value();
    ASSERT_TRUE(migrate(old, 2));
    ASSERT_TRUE(old.execute(
        "INSERT INTO devices(id,name,status,public_key,key_sha256,product,hardware,version,created_ms,last_seen_ms,problem_error,problem) "
        "VALUES(7,'cam-01',1,'key',x'00','p','h','1',5,6,6011,'full');"
        "INSERT INTO releases(id,product,hardware,version,security_version,description,size_bytes,sha256,manifest_sha256,signers,verified,"
        "created_ms,created_by) VALUES(3,'p','[\"h\"]','2',1,'',10,x'01',x'02','[]',0,7,'op');"
        "INSERT INTO deployments(id,device,release,version,artifact_sha256,artifact_size_bytes,state,created_ms,created_by,changed_ms) "
        "VALUES(9,7,3,'2',x'01',10,2,8,'op',9);"
        "INSERT INTO users(id,name,password) VALUES(1,'admin','$argon2id$');"
        "INSERT INTO access_tokens(kind,user,hash,note,created_ms) VALUES(1,1,x'05','ci',1);"));
  }
  const auto store = SqliteStore::open(folder.file()).value();
  const Device device = store->device("cam-01").value();
  EXPECT_EQ(device.problem_error, 6011U);
  EXPECT_EQ(device.deployment, 9U);
  EXPECT_EQ(device.protocol, DeviceProtocol::aloft);
  EXPECT_EQ(store->release(3)->format, ReleaseFormat::aloft);
  EXPECT_EQ(store->deployment(9)->state, UpdateState::downloading);
  EXPECT_EQ(store->user("admin")->value().password, "$argon2id$");
  EXPECT_EQ(store->access_tokens()->size(), 1U);
  const Amounts used = store->quota_use()->used;
  for (const Quota quota : {Quota::devices, Quota::releases, Quota::users, Quota::api_tokens})
    EXPECT_EQ(used[static_cast<std::size_t>(quota)], 1U) << to_string(quota);
  EXPECT_EQ(used[static_cast<std::size_t>(Quota::artifact_bytes)], 10U);
  EXPECT_TRUE(wait<bool>([&](auto done) { store->set_attributes("cam-01", {{"modem", "ec25"}}, done); }));
  const Filter filter = Filter::parse("attribute.modem==EC25;updatestatus==pending").value();
  EXPECT_EQ(store->count_devices(filter, 10), 1U);
}

TEST(SqliteStore, KeepsTheWavesOfRolloutsThatRanBefore) {
  const TestStoreFolder folder;
  {
    Database old = Database::open(folder.file(), Database::Access::read_write).value();
    ASSERT_TRUE(migrate(old, 12));
    ASSERT_TRUE(
        old.execute("INSERT INTO devices(id,name,status,public_key,key_sha256,product,hardware,version,created_ms,last_seen_ms) "
                    "VALUES(1,'a',1,'k',x'00','p','h','1',5,6),(2,'b',1,'k',x'00','p','h','1',5,6),(3,'c',1,'k',x'00','p','h','1',5,6);"
                    "INSERT INTO rollouts(id,name,plan,version,seed,state,wave,reach,created_ms,created_by,changed_ms) "
                    "VALUES(4,'n','{}','2','s',2,2,200,1,'op',1);"
                    "INSERT INTO rollout_devices(rollout,device,sample,wave,changed_ms) VALUES(4,1,50,1,1),(4,2,150,2,1),(4,3,250,0,1);"));
  }
  const auto store = SqliteStore::open(folder.file()).value();
  const std::vector<Member> members = store->all_members(4).value();
  ASSERT_EQ(members.size(), 3U);
  for (const Member& member : members) EXPECT_EQ(member.wave, member.device % 3);
}

TEST(SqliteStore, LetsThoseWaitThatAreTriedAgainByRolloutsThatRanBefore) {
  const TestStoreFolder folder;
  {
    Database old = Database::open(folder.file(), Database::Access::read_write).value();
    ASSERT_TRUE(migrate(old, 16));
    ASSERT_TRUE(old.execute(
        "INSERT INTO devices(id,name,status,public_key,key_sha256,product,hardware,version,created_ms,last_seen_ms) "
        "VALUES(1,'a',1,'k',x'00','p','h','1',5,6),(2,'b',1,'k',x'00','p','h','1',5,6),(3,'c',1,'k',x'00','p','h','1',5,6),"
        "(4,'d',1,'k',x'00','p','h','1',5,6);"
        "INSERT INTO deployments(id,device,release,version,artifact_sha256,artifact_size_bytes,state,created_ms,created_by,changed_ms) "
        "VALUES(7,3,NULL,'2',x'01',10,10,8,'rollout 4',9),(8,4,NULL,'2',x'01',10,10,8,'rollout 4',9);"
        "INSERT INTO transitions(deployment,sequence,time_ms,received_ms,state,error,message) "
        "VALUES(7,NULL,9,9,12,0,'cancelled by op'),(7,1,9,9,10,0,''),"
        "(8,NULL,9,9,12,0,'withdrawn: nothing was heard of the device in time'),(8,1,9,9,10,0,'');"
        "INSERT INTO rollouts(id,name,plan,version,seed,state,created_ms,created_by,changed_ms) "
        "VALUES(4,'n','{\"retries\":1}','2','s',2,1,'op',1),(5,'n','{\"retries\":1}','2','s',7,1,'op',1),(6,'n','{}','2','s',2,1,'op',1);"
        "INSERT INTO rollout_devices(rollout,device,sample,state,attempts,deployment,changed_ms) "
        "VALUES(4,1,50,4,1,0,1),(4,2,50,3,2,0,1),(4,3,50,3,1,7,1),(4,4,50,3,1,8,1),(5,1,50,3,1,0,1),(6,1,50,3,1,0,1);"));
  }
  const auto store = SqliteStore::open(folder.file()).value();
  const std::vector<Member> members = store->all_members(4).value();
  ASSERT_EQ(members.size(), 4U);
  std::map<std::uint64_t, MemberState> states;
  for (const Member& member : members) states[member.device] = member.state;
  EXPECT_EQ(states[1], MemberState::waiting);
  EXPECT_EQ(states[2], MemberState::failed) << "its tries are used up";
  EXPECT_EQ(states[3], MemberState::failed) << "a person took it out before it failed";
  EXPECT_EQ(states[4], MemberState::waiting) << "it was taken for silent only";
  for (const std::uint64_t other : {5U, 6U}) EXPECT_EQ(store->all_members(other)->at(0).state, MemberState::failed);
}

TEST(SqliteStore, KeepsSessionsOfWhichLessWasKnownBefore) {
  const TestStoreFolder folder;
  {
    Database old = Database::open(folder.file(), Database::Access::read_write).value();
    ASSERT_TRUE(migrate(old, 14));
    ASSERT_TRUE(old.execute(
        "INSERT INTO users(id,name,password,roles) VALUES(1,'admin','$argon2id$',16);"
        "INSERT INTO access_tokens(id,kind,user,hash,note,created_ms,expires_ms) VALUES(3,0,1,x'05','',7,9),(4,1,1,x'06','ci',8,NULL);"));
  }
  const auto store = SqliteStore::open(folder.file()).value();
  const std::vector<AccessToken> tokens = store->access_tokens().value();
  ASSERT_EQ(tokens.size(), 2U);
  EXPECT_EQ(tokens[0].created_ms, 7U);
  EXPECT_EQ(tokens[0].expires_ms, 9U);
  EXPECT_EQ(tokens[1].note, "ci");
  for (const AccessToken& token : tokens) {
    EXPECT_EQ(token.client + token.address, "");
    EXPECT_EQ(token.used_ms, 0U);
  }
}

}  // namespace
}  // namespace aloft::fleet
