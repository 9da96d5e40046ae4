#include "server/tenant_folder.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "fleet/errors.hpp"
#include "fleet/sqlite_store.hpp"
#include "server/credentials.hpp"
#include "server/errors.hpp"
#include "server/session_api.hpp"

namespace aloft::server {
namespace {

namespace fs = std::filesystem;

class TenantFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(::mkdtemp(path_.data()), nullptr);
    fs::create_directory(fs::path(path_) / "data");
    ASSERT_TRUE(
        folder_.emplace(fs::path(path_) / "data").keep_reach({.domain = "up.example", .port = ":8443", .certificate_sha256 = "ab"}));
  }
  void TearDown() override { fs::remove_all(path_); }
  Result<std::string> add(const std::string& name, const std::string& host = "") { return folder_->add(name, host, clock_, random_); }
  static std::uint16_t number(const auto& result) { return result ? 0 : result.error().code.number; }
  std::vector<std::string> names() {
    std::vector<std::string> all;
    const auto listed = folder_->list();
    EXPECT_TRUE(listed);
    if (listed)
      for (const Tenant& tenant : *listed) all.push_back(tenant.name);
    return all;
  }
  // A folder of the user that a server runs as: another one's if the test is root, who can give it away; else our own, which must go well
  // too.
  fs::path servers_folder(const std::string& name) const {
    const fs::path folder = fs::path(path_) / name;
    fs::create_directory(folder);
    EXPECT_EQ(::chown(folder.c_str(), user_, group_), 0);
    return folder;
  }
  // How many files and folders are below it; all must be the server's.
  std::size_t files_of_the_server(const fs::path& folder) const {
    std::size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      struct stat info{};
      EXPECT_EQ(::lstat(entry.path().c_str(), &info), 0);
      EXPECT_EQ(info.st_uid, user_) << entry.path();
      EXPECT_EQ(info.st_gid, group_) << entry.path();
      ++files;
    }
    return files;
  }
  const bool root_ = ::geteuid() == 0;
  const uid_t user_ = root_ ? 12345 : ::geteuid();
  const gid_t group_ = root_ ? 12346 : ::getegid();
  std::string path_ = "/tmp/aloft-tenants-XXXXXX";
  std::optional<TenantFolder> folder_;
  SystemClock clock_;
  SystemRandom random_;
};

TEST_F(TenantFolderTest, OneThatIsMadeHasAStoreWithTheLinksDigestAndNothingElse) {
  const auto secret = add("acme");
  ASSERT_TRUE(secret);
  const auto store = fleet::SqliteStore::open(folder_->path_of("acme") / "fleet.db");
  ASSERT_TRUE(store);
  EXPECT_EQ((*store)->setting(kSetupSetting).value(), to_hex(hash_of(*secret)));
  EXPECT_EQ((*store)->user_count().value(), 0U);
  EXPECT_EQ(folder_->reach()->url_of(*folder_->find("acme")), "https://acme.up.example:8443");
  EXPECT_EQ(folder_->reach()->setup_token("s"), "s.ab");
}

TEST_F(TenantFolderTest, NamesAndHostsAreOnesOwn) {
  ASSERT_TRUE(add("acme", "ota.acme.example"));
  EXPECT_EQ(folder_->reach()->url_of(*folder_->find("acme")), "https://ota.acme.example:8443");
  EXPECT_EQ(number(add("acme")), kTenantExists.number);
  EXPECT_EQ(number(add("../acme")), kTenantName.number);
  EXPECT_EQ(number(add("default")), kTenantName.number);
  EXPECT_EQ(number(add("beta", "ota.acme.example")), kTenantHost.number);
  EXPECT_EQ(number(add("beta", "up.example")), kTenantHost.number);
  EXPECT_EQ(number(add("beta", "acme.up.example")), kTenantHost.number);
  EXPECT_EQ(number(add("beta", "127.0.0.1")), kTenantHost.number);
  EXPECT_EQ(names(), std::vector<std::string>{"acme"}) << "what was refused has left nothing";
  EXPECT_EQ(number(folder_->find("beta")), kNoSuchTenant.number);
}

TEST_F(TenantFolderTest, WithoutAServerThatWasStartedForThemThereAreNone) {
  fs::create_directory(fs::path(path_) / "other");
  const TenantFolder other(fs::path(path_) / "other");
  EXPECT_EQ(number(other.add("acme", "", clock_, random_)), kTenantsOff.number);
  EXPECT_TRUE(other.list()->empty());
}

TEST_F(TenantFolderTest, ALinkCanBeRenewedUntilThereIsAnAdministrator) {
  const std::string first = add("acme").value();
  const std::string second = folder_->renew_link("acme", random_).value();
  EXPECT_NE(first, second);
  auto store = fleet::SqliteStore::open(folder_->path_of("acme") / "fleet.db").value();
  EXPECT_EQ(store->setting(kSetupSetting).value(), to_hex(hash_of(second)));
  ASSERT_TRUE(fleet::wait<>([&](auto done) { store->add_first_user({.name = "a", .password = "x", .created_ms = 1}, done); }));
  EXPECT_EQ(number(folder_->renew_link("acme", random_)), kTenantSettled.number);
}

TEST_F(TenantFolderTest, SuspendingKeepsAllAndRemovingNothing) {
  ASSERT_TRUE(add("acme"));
  ASSERT_TRUE(add("beta"));
  ASSERT_TRUE(folder_->set_suspended("acme", true));
  EXPECT_TRUE(folder_->find("acme")->suspended);
  EXPECT_FALSE(folder_->find("beta")->suspended);
  ASSERT_TRUE(folder_->set_suspended("acme", false));
  ASSERT_TRUE(folder_->set_suspended("acme", false)) << "twice is no error";
  EXPECT_FALSE(folder_->find("acme")->suspended);
  const std::uint64_t before = folder_->find("acme")->inode;
  ASSERT_TRUE(folder_->remove("acme", random_));
  EXPECT_EQ(names(), std::vector<std::string>{"beta"});
  EXPECT_EQ(number(folder_->remove("acme", random_)), kNoSuchTenant.number);
  ASSERT_TRUE(add("acme"));
  EXPECT_NE(before, 0U);
  EXPECT_EQ(std::distance(fs::directory_iterator(fs::path(path_) / "data/tenants"), fs::directory_iterator()), 4)
      << "lock, service.json, two";
}

// A server that runs as somebody else could not start any more.
TEST_F(TenantFolderTest, WhatIsRefusedToRootLeavesNothingOfRootsInAServersFolder) {
  const fs::path data = servers_folder("other");
  EXPECT_EQ(number(TenantFolder(data).add("acme", "", clock_, random_)), kTenantsOff.number);
  EXPECT_TRUE(fs::exists(data / "tenants/lock"));
  EXPECT_EQ(files_of_the_server(data), 2U) << "the folder and the lock";
}

TEST_F(TenantFolderTest, WhatRootRestoresIntoAServersEmptyFolderIsThatServers) {
  ASSERT_TRUE(add("acme"));
  const fs::path own = fs::path(path_) / "data";
  ASSERT_TRUE(fleet::SqliteStore::open(own / "fleet.db"));
  std::ofstream(own / "tls.key") << "a key";
  fs::create_directories(own / "blobs/ab");
  const fs::path copy = fs::path(path_) / "copy";
  ASSERT_TRUE(fleet::back_up(own, copy, [&]() -> Result<> {
    TRY(folder_->back_up_all(copy));
    return {};
  }));
  const fs::path data = servers_folder("other");
  ASSERT_TRUE(fleet::restore(copy, data, [&]() -> Result<> {
    TRY(TenantFolder(data).restore_all(copy));
    return {};
  }));
  EXPECT_GE(files_of_the_server(data), 8U) << "fleet.db, tls.key, blobs/ab, tenants/acme with its database and card";
}

TEST_F(TenantFolderTest, WhatIsMadeBelongsToWhomTheFolderBelongs) {
  servers_folder("data");
  ASSERT_TRUE(add("acme"));
  ASSERT_TRUE(folder_->renew_link("acme", random_));
  ASSERT_TRUE(folder_->set_suspended("acme", true));
  EXPECT_GE(files_of_the_server(folder_->path_of("acme")), 3U);
}

TEST_F(TenantFolderTest, WhatWasInterruptedIsSweptAway) {
  ASSERT_TRUE(add("acme"));
  fs::create_directories(fs::path(path_) / "data/tenants/.aside-0011223344556677/blobs");
  fs::create_directories(fs::path(path_) / "data/tenants/half-made");
  EXPECT_EQ(names(), std::vector<std::string>{"acme"});
  ASSERT_TRUE(folder_->sweep());
  EXPECT_FALSE(fs::exists(fs::path(path_) / "data/tenants/.aside-0011223344556677"));
  EXPECT_TRUE(fs::exists(fs::path(path_) / "data/tenants/half-made")) << "what is not known is left alone";
}

TEST_F(TenantFolderTest, ABackupBecomesATenantAgain) {
  ASSERT_TRUE(add("acme"));
  const fs::path copy = fs::path(path_) / "copy";
  ASSERT_TRUE(folder_->back_up("acme", copy));
  EXPECT_EQ(number(folder_->restore("acme", "", copy, clock_, random_)), kTenantExists.number);
  std::ofstream(copy / "tls.key") << "not a tenant's";
  ASSERT_TRUE(folder_->restore("beta", "ota.beta.example", copy, clock_, random_));
  EXPECT_FALSE(fs::exists(folder_->path_of("beta") / "tls.key"));
  EXPECT_EQ(folder_->find("beta")->host, "ota.beta.example");
  EXPECT_FALSE(folder_->restore("gamma", "", fs::path(path_) / "nothing", clock_, random_));
  EXPECT_EQ(names(), (std::vector<std::string>{"acme", "beta"}));
}

TEST_F(TenantFolderTest, ABackupHasWhomATenantTrustsAndWhereItsPeopleSignIn) {
  ASSERT_TRUE(add("acme", "ota.acme.example"));
  fs::create_directory(folder_->path_of("acme") / "trust");
  std::ofstream(folder_->path_of("acme") / "trust/a.pem") << "an anchor";
  std::ofstream(fs::path(path_) / "acme.toml") << "name = \"x\"\n";
  ASSERT_TRUE(folder_->set_sign_on("acme", fs::path(path_) / "acme.toml"));
  ASSERT_TRUE(folder_->set_suspended("acme", true));
  const fs::path copy = fs::path(path_) / "copy";
  const fs::path every = fs::path(path_) / "every";
  fs::create_directory(every);
  ASSERT_TRUE(folder_->back_up("acme", copy));
  ASSERT_EQ(folder_->back_up_all(every).value(), 1U);
  const std::vector<std::pair<std::string, fs::path>> ways{{"beta", copy}, {"gamma", every / "tenants/acme"}};
  for (const auto& [name, from] : ways) {
    ASSERT_TRUE(folder_->restore(name, "", from, clock_, random_)) << name;
    EXPECT_EQ(read_file(folder_->path_of(name) / "trust/a.pem", 100).value_or(""), "an anchor") << name;
    EXPECT_EQ(read_file(TenantFolder::sign_on_in(folder_->path_of(name)), 100).value_or(""), "name = \"x\"\n") << name;
    EXPECT_EQ(folder_->find(name)->host, "") << "that is the other's";
    EXPECT_FALSE(folder_->find(name)->suspended);
  }
}

TEST_F(TenantFolderTest, QuotasStandInItsCardAndOnlyWhatIsNamedChanges) {
  const fleet::Limits few = fleet::changed_limits({}, Json{{"devices", 5U}, {"users", 2U}}).value();
  ASSERT_TRUE(folder_->add("acme", "ota.acme.example", clock_, random_, few));
  EXPECT_EQ(folder_->find("acme")->limits, few);
  EXPECT_EQ(to_json(folder_->change_limits("acme", Json{{"users", nullptr}, {"webhooks", 0U}}).value()),
            (Json{{"devices", 5U}, {"webhooks", 0U}}));
  const Tenant tenant = folder_->find("acme").value();
  EXPECT_EQ(to_json(tenant.limits), (Json{{"devices", 5U}, {"webhooks", 0U}}));
  EXPECT_EQ(tenant.host, "ota.acme.example") << "the rest of the card stays";
  EXPECT_EQ(number(folder_->change_limits("acme", Json{{"gold", 1U}})), fleet::kQuotaWrong.number);
  EXPECT_EQ(folder_->find("acme")->limits, tenant.limits);
  EXPECT_EQ(number(folder_->change_limits("beta", Json::object())), kNoSuchTenant.number);
}

TEST_F(TenantFolderTest, AnotherIdentityProviderCanBeSeenFromOutside) {
  ASSERT_TRUE(add("acme"));
  EXPECT_EQ(folder_->find("acme")->sign_on, 0U);
  const fs::path file = fs::path(path_) / "acme.toml";
  std::ofstream(file) << "name = \"x\"\n";
  ASSERT_TRUE(folder_->set_sign_on("acme", file));
  const std::uint64_t first = folder_->find("acme")->sign_on;
  EXPECT_NE(first, 0U);
  ASSERT_TRUE(folder_->set_sign_on("acme", file));
  EXPECT_NE(folder_->find("acme")->sign_on, first);
  ASSERT_TRUE(folder_->set_sign_on("acme", {}));
  EXPECT_EQ(folder_->find("acme")->sign_on, 0U);
  EXPECT_TRUE(folder_->set_sign_on("acme", {})) << "there is none: as it is wanted";
  EXPECT_EQ(number(folder_->set_sign_on("beta", file)), kNoSuchTenant.number);
}

}  // namespace
}  // namespace aloft::server
