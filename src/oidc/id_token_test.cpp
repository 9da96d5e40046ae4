#include "oidc/id_token.hpp"

#include <gtest/gtest.h>

#include "oidc/errors.hpp"

namespace aloft::oidc {
namespace {

class IdTokenTest : public ::testing::Test {
 protected:
  static constexpr std::int64_t kNow = 1'700'000'000;
  const Expected expected_{.issuer = "https://id.example", .client_id = "aloft", .nonce = "n", .now = WallTime{std::chrono::seconds{kNow}}};
  const Json good_{{"iss", "https://id.example"}, {"aud", "aloft"}, {"exp", kNow + 300}, {"iat", kNow}, {"nonce", "n"}, {"sub", "ann"}};

  // null takes a claim away.
  Result<Person> read(const Json& change) const {
    Json claims = good_;
    if (!change.is_null()) claims.merge_patch(change);
    return read_person(claims.dump(), expected_);
  }
  // The claim that is named as wrong.
  std::string complaint(const Json& change) const {
    const auto person = read(change);
    if (person) return "none";
    EXPECT_EQ(person.error().code.number, kTokenClaims.number);
    const std::size_t begin = person.error().message.find('"') + 1;
    return person.error().message.substr(begin, person.error().message.find('"', begin) - begin);
  }
};

TEST_F(IdTokenTest, SaysWhoItIs) {
  const auto person = read({{"preferred_username", "ann.s"}, {"email", "ann@example.com"}});
  ASSERT_TRUE(person);
  EXPECT_EQ(person->subject, "ann");
  EXPECT_EQ(person->display, "ann.s");
  EXPECT_EQ(read({{"preferred_username", "a\nb"}, {"email", "ann@example.com"}})->display, "ann@example.com");
  EXPECT_EQ(read({})->display, "");
}

TEST_F(IdTokenTest, EveryClaimCounts) {
  struct Case {
    Json change;
    std::string named;
  };
  const std::vector<Case> cases{
      {{{"iss", "https://id.example/"}}, "iss"},
      {{{"iss", nullptr}}, "iss"},
      {{{"aud", "other"}}, "aud"},
      {{{"aud", nullptr}}, "aud"},
      {{{"aud", Json::array()}}, "aud"},
      {{{"aud", {"other", 5}}}, "aud"},
      {{{"aud", {"aloft", "other"}}}, "azp"},
      {{{"azp", "other"}}, "azp"},
      {{{"azp", 5}}, "azp"},
      {{{"exp", kNow - 61}}, "exp"},
      {{{"exp", nullptr}}, "exp"},
      {{{"exp", "tomorrow"}}, "exp"},
      {{{"exp", -1}}, "exp"},
      {{{"exp", 1e300}}, "exp"},
      {{{"iat", kNow + 61}}, "iat"},
      {{{"iat", kNow - 700}}, "iat"},
      {{{"iat", nullptr}}, "iat"},
      {{{"nbf", kNow + 61}}, "nbf"},
      {{{"nonce", "m"}}, "nonce"},
      {{{"nonce", nullptr}}, "nonce"},
      {{{"sub", nullptr}}, "sub"},
      {{{"sub", ""}}, "sub"},
      {{{"sub", "a\nb"}}, "sub"},
      {{{"sub", std::string(256, 'a')}}, "sub"},
  };
  for (const Case& one : cases) EXPECT_EQ(complaint(one.change), one.named) << one.change.dump();
}

TEST_F(IdTokenTest, ClocksMayDifferByAMinuteAndSeveralAudiencesNameTheirParty) {
  EXPECT_EQ(complaint({{"exp", kNow - 59}}), "none");
  EXPECT_EQ(complaint({{"iat", kNow + 59}}), "none");
  EXPECT_EQ(complaint({{"iat", kNow + 0.5}}), "none");
  EXPECT_EQ(complaint({{"aud", {"aloft", "other"}}, {"azp", "aloft"}}), "none");
  EXPECT_EQ(complaint({{"aud", {"aloft"}}}), "none");
}

TEST_F(IdTokenTest, NoNonceFitsNoNonce) {
  Json claims = good_;
  claims["nonce"] = "";
  Expected nothing = expected_;
  nothing.nonce = "";
  EXPECT_FALSE(read_person(claims.dump(), nothing));
  EXPECT_FALSE(read_person("[]", expected_));
  EXPECT_FALSE(read_person(R"({"sub":"a","sub":"b"})", expected_));
}

class RolesTest : public ::testing::Test {
 protected:
  std::vector<std::string> roles(const Json& claims) const {
    const auto found = roles_of({.subject = "ann", .display = "", .claims = claims}, settings_);
    EXPECT_TRUE(found || found.error().code.number == kNoRole.number);
    return found ? fleet::role_names(*found) : std::vector<std::string>{};
  }
  Settings settings_{
      .name = "Example",
      .roles = {{"admins", fleet::roles_of({"admin"}).value()}, {"CN=ops,OU=x", fleet::roles_of({"operator", "releaser"}).value()}}};
  using Names = std::vector<std::string>;
};

TEST_F(RolesTest, ComeFromTheClaim) {
  EXPECT_EQ(roles({{"groups", {"staff", "CN=ops,OU=x"}}}), (Names{"operator", "releaser"}));
  EXPECT_EQ(roles({{"groups", {"admins", "CN=ops,OU=x"}}}), (Names{"operator", "releaser", "admin"}));
  EXPECT_EQ(roles({{"groups", "admins"}}), Names{"admin"});
}

TEST_F(RolesTest, WhoMapsToNoneHasNone) {
  for (const Json& claims : {Json{{"groups", {"staff"}}}, Json{{"groups", Json::array()}}, Json::object(), Json{{"groups", 5}},
                             Json{{"groups", {{"admins", true}}}}, Json{{"groups", {"Admins", "admins "}}}, Json{{"other", {"admins"}}}})
    EXPECT_EQ(roles(claims), Names{}) << claims.dump();
  EXPECT_EQ(roles({{"groups", Json(std::vector<std::string>(2001, "admins"))}}), Names{});
  const auto many = roles_of({.subject = "a", .display = "", .claims = {{"_claim_names", {{"groups", "src1"}}}}}, settings_);
  EXPECT_TRUE(many.error().message.contains("too many groups"));
}

TEST_F(RolesTest, TheClaimMayStandWithinAnother) {
  settings_.claim = {"realm_access", "roles"};
  EXPECT_EQ(roles({{"realm_access", {{"roles", {"admins"}}}}}), Names{"admin"});
  EXPECT_EQ(roles({{"realm_access", {"admins"}}}), Names{});
  settings_.claim = {"https://example.com/groups"};
  EXPECT_EQ(roles({{"https://example.com/groups", {"admins"}}}), Names{"admin"});
}

TEST(UserNames, StandWellInAddressesAndAreNeverTheSame) {
  EXPECT_EQ(user_name("auth0|12-ab"), "oidc:auth0|12-ab");
  EXPECT_EQ(user_name("a/b c%20"), "oidc:a%2fb%20c%2520");
  EXPECT_NE(user_name("a b"), user_name("a%20b"));
}

}  // namespace
}  // namespace aloft::oidc
