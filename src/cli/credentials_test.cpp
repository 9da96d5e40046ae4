#include "cli/credentials.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "base/errors.hpp"
#include "cli/server_errors.hpp"

namespace aloft::cli {
namespace {

class CredentialsTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("aloft-credentials-" + std::to_string(::getpid()));
    ::setenv("XDG_CONFIG_HOME", folder_.c_str(), 1);
    for (const char* name : {"ALOFT_SERVER", "ALOFT_TOKEN", "ALOFT_FINGERPRINT"}) ::unsetenv(name);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
};

TEST_F(CredentialsTest, AreKeptForTheirOwnerOnly) {
  EXPECT_EQ(load_credentials().error().code.number, kNotLoggedIn.number);
  crypto::Digest pin{};
  pin[0] = std::byte{0xab};
  ASSERT_TRUE(save_credentials({.server = "https://h:8443", .certificate = pin, .user = "ann", .token = "secret"}));
  const auto loaded = load_credentials().value();
  EXPECT_EQ(loaded.server, "https://h:8443");
  EXPECT_EQ(loaded.certificate, pin);
  EXPECT_EQ(loaded.user, "ann");
  EXPECT_EQ(loaded.token, "secret");
  struct stat facts{};
  ASSERT_EQ(::stat(credentials_path().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  ASSERT_TRUE(forget_credentials());
  EXPECT_EQ(load_credentials().error().code.number, kNotLoggedIn.number);
  EXPECT_TRUE(forget_credentials());
}

TEST_F(CredentialsTest, ComeFromTheEnvironmentWhereItHasThem) {
  ASSERT_TRUE(save_credentials({.server = "https://file", .user = "ann", .token = "from-file"}));
  ::setenv("ALOFT_SERVER", "ci.example:8443", 1);
  EXPECT_EQ(load_credentials().value().token, "from-file");
  ::setenv("ALOFT_TOKEN", "from-environment", 1);
  EXPECT_EQ(load_credentials().value().server, "https://ci.example:8443");
  EXPECT_EQ(load_credentials().value().token, "from-environment");
  EXPECT_EQ(load_credentials().value().certificate, std::nullopt);
  ::setenv("ALOFT_FINGERPRINT", std::string(64, 'a').c_str(), 1);
  EXPECT_TRUE(load_credentials().value().certificate);
  ::setenv("ALOFT_FINGERPRINT", "short", 1);
  EXPECT_EQ(load_credentials().error().code.number, kBadEncoding.number);
}

TEST_F(CredentialsTest, AreKeptNowhereWithoutAHome) {
  const std::string home = std::getenv("HOME") == nullptr ? "" : std::getenv("HOME");
  for (const char* name : {"XDG_CONFIG_HOME", "HOME"}) ::unsetenv(name);
  EXPECT_EQ(load_credentials().error().code.number, kNotLoggedIn.number);
  EXPECT_EQ(save_credentials({.server = "https://h", .user = "ann", .token = "secret"}).error().code.number, kBadArgument.number);
  EXPECT_FALSE(std::filesystem::exists(".config/aloft"));
  if (!home.empty()) ::setenv("HOME", home.c_str(), 1);
}

TEST_F(CredentialsTest, ADamagedFileIsAnErrorThatNamesIt) {
  std::filesystem::create_directories(credentials_path().parent_path());
  std::ofstream(credentials_path()) << R"({"server":1})";
  EXPECT_TRUE(load_credentials().error().message.contains("credentials.json"));
}

TEST(ServerAddress, IsWhatPeopleType) {
  EXPECT_EQ(server_address("updates.example").value(), "https://updates.example");
  EXPECT_EQ(server_address("https://h:8443/").value(), "https://h:8443");
  EXPECT_EQ(server_address("https://h:8443/setup#token=x").value(), "https://h:8443");
  EXPECT_EQ(server_address("http://127.0.0.1:8080").value(), "http://127.0.0.1:8080");
  for (const char* bad : {"", "https://", "ftp://h", "https://user@h", "a b"}) EXPECT_FALSE(server_address(bad)) << bad;
}

}  // namespace
}  // namespace aloft::cli
