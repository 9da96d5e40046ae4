#include "oidc/settings.hpp"

#include <gtest/gtest.h>

#include "base/config_errors.hpp"
#include "base/file.hpp"
#include "fleet/errors.hpp"

namespace aloft::oidc {
namespace {

constexpr const char* kHead = "name = \"Example\"\nissuer = \"https://id.example/realms/a\"\nclient_id = \"aloft\"\n";
constexpr const char* kRoles = "[roles]\n\"CN=ops,OU=x\" = [\"operator\", \"releaser\"]\nadmins = [\"admin\"]\n";

Result<Settings> read(const std::string& text) {
  std::filesystem::path secret;
  return parse_settings(text, "sso.toml", secret);
}
std::uint16_t refusal(const std::string& text) {
  const auto settings = read(text);
  return settings ? 0 : settings.error().code.number;
}

TEST(SignOnSettings, HaveDefaults) {
  const auto settings = read(std::string(kHead) + kRoles);
  ASSERT_TRUE(settings) << settings.error().text();
  EXPECT_EQ(settings->claim, std::vector<std::string>{"groups"});
  EXPECT_EQ(settings->scopes, (std::vector<std::string>{"openid", "profile"}));
  EXPECT_EQ(settings->roles.at("CN=ops,OU=x"), fleet::roles_of({"operator", "releaser"}).value());
  EXPECT_FALSE(settings->private_addresses);
  EXPECT_TRUE(settings->client_secret.empty());
}

TEST(SignOnSettings, TakeEveryKey) {
  std::filesystem::path secret;
  const auto settings =
      parse_settings(std::string(kHead) +
                         "client_secret_file = \"/run/secret\"\nscopes = [\"openid\", \"email\"]\nclaim = [\"realm_access\", \"roles\"]\n"
                         "ca_file = \"/etc/ca.pem\"\nprivate_addresses = true\n" +
                         kRoles,
                     "sso.toml", secret);
  ASSERT_TRUE(settings) << settings.error().text();
  EXPECT_EQ(secret, "/run/secret");
  EXPECT_EQ(settings->claim, (std::vector<std::string>{"realm_access", "roles"}));
  EXPECT_EQ(settings->ca_file, "/etc/ca.pem");
  EXPECT_TRUE(settings->private_addresses);
  EXPECT_EQ(read(std::string(kHead) + "claim = \"https://x/groups\"\n" + kRoles)->claim, std::vector<std::string>{"https://x/groups"});
}

TEST(SignOnSettings, RefuseWhatMakesNoSense) {
  EXPECT_EQ(refusal("name = "), kConfigSyntax.number);
  EXPECT_EQ(refusal(kHead), kConfigMissing.number) << "no roles: nobody could sign in";
  EXPECT_EQ(refusal(std::string("name = \"x\"\n") + kRoles), kConfigMissing.number);
  EXPECT_EQ(refusal(std::string(kHead) + "secret = \"x\"\n" + kRoles), kConfigUnknownKey.number);
  EXPECT_EQ(refusal(std::string(kHead) + "[roles]\nadmins = [\"root\"]\n"), fleet::kBadRoles.number);
  EXPECT_EQ(refusal(std::string(kHead) + "[roles]\nadmins = []\n"), kConfigValue.number);
  EXPECT_EQ(refusal(std::string(kHead) + "[roles]\nadmins = \"admin\"\n"), kConfigValue.number);
  EXPECT_EQ(refusal(std::string(kHead) + "scopes = [\"profile\"]\n" + kRoles), kConfigValue.number);
  EXPECT_EQ(refusal(std::string(kHead) + "scopes = [\"openid\", \"a b\"]\n" + kRoles), kConfigValue.number);
  EXPECT_EQ(refusal(std::string(kHead) + "claim = []\n" + kRoles), kConfigValue.number);
  for (const char* issuer : {"http://id.example", "https://id.example/?x=1", "https://id.example/#a", "id.example"})
    EXPECT_EQ(refusal("name = \"x\"\nissuer = \"" + std::string(issuer) + "\"\nclient_id = \"c\"\n" + kRoles), kConfigValue.number)
        << issuer;
}

TEST(SignOnSettings, TheSecretIsAFileOfItsOwn) {
  const std::filesystem::path folder = std::filesystem::path(::testing::TempDir()) / "sso-settings";
  std::filesystem::create_directories(folder);
  ASSERT_TRUE(replace_file(folder / "secret", "hush\n"));
  ASSERT_TRUE(
      replace_file(folder / "sso.toml", std::string(kHead) + "client_secret_file = \"" + (folder / "secret").string() + "\"\n" + kRoles));
  EXPECT_EQ(load_settings(folder / "sso.toml")->client_secret, "hush");
  ASSERT_TRUE(replace_file(folder / "secret", "\n"));
  EXPECT_EQ(load_settings(folder / "sso.toml").error().code.number, kConfigValue.number);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace aloft::oidc
