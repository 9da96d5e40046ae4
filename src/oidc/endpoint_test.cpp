#include "oidc/endpoint.hpp"

#include <gtest/gtest.h>

#include "base/json.hpp"
#include "oidc/errors.hpp"

namespace aloft::oidc {
namespace {

const Json kGood{{"issuer", "https://id.example/realms/a"},
                 {"authorization_endpoint", "https://id.example/auth?tenant=a"},
                 {"token_endpoint", "https://id.example/token"},
                 {"jwks_uri", "https://keys.example/jwks"},
                 {"userinfo_endpoint", "https://id.example/me"}};

Result<Metadata> read(const Json& change) {
  Json document = kGood;
  if (!change.is_null()) document.merge_patch(change);
  return parse_metadata(document.dump(), "https://id.example/realms/a");
}

TEST(Discovery, FindsTheEndpoints) {
  const auto metadata = read({{"token_endpoint_auth_methods_supported", {"client_secret_post"}},
                              {"authorization_response_iss_parameter_supported", true},
                              {"id_token_signing_alg_values_supported", {"HS256", "ES256"}},
                              {"code_challenge_methods_supported", {"plain", "S256"}}});
  ASSERT_TRUE(metadata);
  EXPECT_EQ(metadata->authorization_endpoint, "https://id.example/auth?tenant=a");
  EXPECT_EQ(metadata->jwks_uri, "https://keys.example/jwks");
  EXPECT_FALSE(metadata->basic);
  EXPECT_TRUE(metadata->says_issuer);
  EXPECT_TRUE(read({})->basic);
}

TEST(Discovery, RefusesWhatItCannotUse) {
  for (const Json& change :
       {Json{{"issuer", "https://id.example/realms/b"}}, Json{{"issuer", nullptr}}, Json{{"token_endpoint", "http://id.example/token"}},
        Json{{"token_endpoint", nullptr}}, Json{{"authorization_endpoint", "https://id.example/a\r\nSet-Cookie: x"}},
        Json{{"authorization_endpoint", "https://user:pass@id.example/"}}, Json{{"jwks_uri", "file:///etc/passwd"}},
        Json{{"jwks_uri", "https://"}}, Json{{"jwks_uri", 5}}, Json{{"response_types_supported", {"id_token"}}},
        Json{{"code_challenge_methods_supported", {"plain"}}}, Json{{"id_token_signing_alg_values_supported", {"HS256", "none"}}},
        Json{{"id_token_signing_alg_values_supported", "RS256"}}}) {
    const auto metadata = read(change);
    ASSERT_FALSE(metadata) << change.dump();
    EXPECT_EQ(metadata.error().code.number, kProviderAnswer.number) << change.dump();
  }
  EXPECT_EQ(parse_metadata("<html>", "https://id.example").error().code.number, kProviderAnswer.number);
  EXPECT_EQ(parse_metadata("[]", "https://id.example").error().code.number, kProviderAnswer.number);
}

TEST(Discovery, StandsBehindTheIssuer) {
  EXPECT_EQ(metadata_address("https://id.example/realms/a"), "https://id.example/realms/a/.well-known/openid-configuration");
  EXPECT_EQ(metadata_address("https://id.example/"), "https://id.example/.well-known/openid-configuration");
}

TEST(Freshness, FollowsCacheControlWithinBounds) {
  const auto seconds = [](const std::string& value) { return freshness({{"Cache-Control", value}}).count(); };
  EXPECT_EQ(seconds("public, max-age=600"), 600);
  EXPECT_EQ(seconds("max-age=0"), 60);
  EXPECT_EQ(seconds("no-store"), 60);
  EXPECT_EQ(seconds("max-age=99999999999999999999"), 86400);
  EXPECT_EQ(seconds("max-age=604800"), 86400);
  EXPECT_EQ(seconds("max-age=soon"), 3600);
  EXPECT_EQ(freshness({}).count(), 3600);
}

}  // namespace
}  // namespace aloft::oidc
