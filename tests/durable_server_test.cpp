// What the server has acknowledged, it has flushed before.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/clock.hpp"
#include "file_calls.hpp"
#include "fleet/backup.hpp"
#include "fleet/blob_folder.hpp"
#include "fleet/sqlite_store.hpp"
#include "server/tenant_folder.hpp"

namespace aloft {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::EndsWith;

class DurableServer : public ::testing::Test {
 protected:
  fs::path data() const { return calls_.folder(); }
  std::string name_of(const fs::path& path) const { return path.lexically_relative(data()); }
  // The artifact, and its name.
  std::string publish(const fleet::BlobFolder& blobs) {
    auto upload = blobs.begin(random_).value();
    EXPECT_TRUE(upload.write(as_bytes("the artifact")));
    incoming_ = name_of(upload.path());
    const crypto::Digest sha256 = upload.seal().value();
    EXPECT_TRUE(blobs.publish(std::move(upload), sha256));
    return name_of(blobs.path_of(sha256));
  }
  test::FileCalls calls_;
  SeededRandom random_{1};
  std::string incoming_;
};

TEST_F(DurableServer, AChangeOfTheStore) {
  const auto store = fleet::SqliteStore::open(data() / "fleet.db").value();
  for (const char* value : {"1", "2"}) {
    calls_.taken();
    ASSERT_TRUE(fleet::wait<>([&](auto done) { store->put_setting("x", value, done); }));
    EXPECT_EQ(calls_.taken(), "write fleet.db-wal, fdatasync fleet.db-wal");
  }
}

TEST_F(DurableServer, AnArtifact) {
  const fleet::BlobFolder blobs = fleet::BlobFolder::open(data()).value();
  EXPECT_EQ(calls_.taken(), "make blobs, fsync ., make incoming, fsync .");
  const std::string blob = publish(blobs);
  const std::string shelf = fs::path(blob).parent_path();
  EXPECT_EQ(calls_.taken(), "write " + incoming_ + ", fsync " + incoming_ + ", make " + shelf + ", fsync blobs, rename " + incoming_ + " " +
                                blob + ", fsync " + shelf);
  // It may have its name from a server that ended before it was durable.
  EXPECT_EQ(publish(blobs), blob);
  EXPECT_EQ(calls_.taken(), "write " + incoming_ + ", fsync " + incoming_ + ", fsync " + shelf + ", remove " + incoming_);
}

TEST_F(DurableServer, ABackupBeforeItIsCalledComplete) {
  const auto store = fleet::SqliteStore::open(data() / "fleet.db").value();
  const std::string blob = publish(fleet::BlobFolder::open(data()).value());
  const std::string shelf = fs::path(blob).parent_path();
  calls_.taken();
  ASSERT_TRUE(fleet::back_up(data(), data() / "copy"));
  EXPECT_THAT(calls_.taken(), EndsWith("fsync copy/fleet.db, make copy/blobs, make copy/" + shelf + ", write copy/" + blob +
                                       ", fsync copy/" + blob + ", fsync copy/" + shelf +
                                       ", fsync copy/blobs, write copy/complete.new, fsync copy/complete.new, "
                                       "rename copy/complete.new copy/complete, fsync copy"));
  ASSERT_TRUE(fleet::restore(data() / "copy", data() / "again"));
  EXPECT_EQ(calls_.taken(), "make again, make again/blobs, make again/" + shelf + ", write again/" + blob + ", fsync again/" + blob +
                                ", fsync again/" + shelf + ", fsync again/blobs, write again/fleet.db, fsync again/fleet.db, fsync again");
}

class DurableTenant : public DurableServer {
 protected:
  void SetUp() override {
    ASSERT_TRUE(tenants_.keep_reach({.scheme = "https", .domain = "up.example", .port = "", .certificate_sha256 = ""}));
    reach_ = calls_.taken();
    ASSERT_TRUE(tenants_.add("acme", "", clock_, random_));
    addition_ = calls_.taken();
  }
  // One of acme's files; `written` where it is not empty.
  static std::string put(const std::string& name, const std::string& written = "") {
    const std::string file = "tenants/acme/" + name;
    return written + "fsync " + file + ".new.new, rename " + file + ".new.new " + file + ".new, fsync tenants/acme, rename " + file +
           ".new " + file + ", fsync tenants/acme";
  }
  FakeClock clock_;
  const server::TenantFolder tenants_{data()};
  std::string reach_;
  std::string addition_;
};

TEST_F(DurableTenant, ComesAndGoesByARename) {
  EXPECT_EQ(reach_,
            "make tenants, write tenants/service.json.new, fsync tenants/service.json.new, "
            "rename tenants/service.json.new tenants/service.json, fsync tenants");
  EXPECT_THAT(addition_, ContainsRegex("rename [^ ]*/tenant.json.new [^ ]*, fsync [^ ]*, rename [^ ]* tenants/acme, fsync tenants$"));
  ASSERT_TRUE(tenants_.remove("acme", random_));
  EXPECT_THAT(calls_.taken(), ContainsRegex("^rename tenants/acme [^ ]*, fsync tenants, remove "));
}

TEST_F(DurableTenant, IsSuspendedAndHasAnIdentityProvider) {
  ASSERT_TRUE(tenants_.set_suspended("acme", true));
  EXPECT_EQ(calls_.taken(), put("suspended"));
  ASSERT_TRUE(tenants_.set_suspended("acme", false));
  EXPECT_EQ(calls_.taken(), "remove tenants/acme/suspended, fsync tenants/acme");
  ASSERT_TRUE(tenants_.set_sign_on("acme", data() / "tenants/service.json"));
  EXPECT_EQ(calls_.taken(), put("sso.toml", "write tenants/acme/sso.toml.new.new, "));
  ASSERT_TRUE(tenants_.set_sign_on("acme", ""));
  EXPECT_EQ(calls_.taken(), "remove tenants/acme/sso.toml, fsync tenants/acme");
}

// What the standard library copies is not seen to be written.
TEST_F(DurableTenant, IsInABackupAndComesBack) {
  for (const char* name : {"copy", "again", "tenants/acme/trust"}) fs::create_directory(data() / name);
  std::ofstream(data() / "tenants/acme/trust/root.pem") << "anchor";
  const auto rest_in = [](const std::string& tenant) {
    return "fsync " + tenant + "/tenant.json, make " + tenant + "/trust, fsync " + tenant + "/trust/root.pem, fsync " + tenant +
           "/trust, fsync " + tenant + ", ";
  };
  ASSERT_TRUE(tenants_.back_up_all(data() / "copy"));
  EXPECT_THAT(calls_.taken(),
              EndsWith(rest_in("copy/tenants/acme") +
                       "write copy/tenants/acme/complete.new, fsync copy/tenants/acme/complete.new, rename "
                       "copy/tenants/acme/complete.new copy/tenants/acme/complete, fsync copy/tenants/acme, fsync copy/tenants"));
  ASSERT_TRUE(server::TenantFolder(data() / "again").restore_all(data() / "copy"));
  EXPECT_THAT(calls_.taken(),
              EndsWith(rest_in("again/tenants/acme") + "write again/tenants/acme/fleet.db, fsync again/tenants/acme/fleet.db, "
                                                       "fsync again/tenants/acme, fsync again/tenants"));
}

}  // namespace
}  // namespace aloft
