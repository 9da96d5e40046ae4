// What every Store must do with people from outside.
#include "fleet/errors.hpp"
#include "fleet/store_contract.hpp"

namespace aloft::fleet {
namespace {

const Roles kAdmin = roles_of({"admin"}).value();
const Roles kOperator = roles_of({"operator"}).value();

Result<> set_up(Store& store) {
  return wait<>([&](auto done) { store.add_first_user({.name = "admin", .password = "hash", .created_ms = 1}, done); });
}

Result<AccessToken> admit(Store& store, const std::string& secret, Roles roles, const std::string& issuer = "https://id") {
  const OutsideUser user{.name = "oidc:ann", .issuer = issuer, .display = "Ann", .roles = roles, .now_ms = 5};
  const AccessToken session{.hash = crypto::sha256(as_bytes(secret)), .created_ms = 5, .expires_ms = 50};
  return wait<AccessToken>([&](auto done) { store.admit_outside_user(user, session, done); });
}

TEST_P(StoreContract, NobodyComesFromOutsideBeforeThereIsAnAdministrator) {
  EXPECT_EQ(admit(*store_, "s", kAdmin).error().code.number, kNotSetUp.number);
  EXPECT_EQ(store_->user_count(), 0U);
  ASSERT_TRUE(set_up(*store_));
  EXPECT_TRUE(admit(*store_, "s", kAdmin));
}

TEST_P(StoreContract, AUserFromOutsideHasTheRolesOfTheLastSignIn) {
  ASSERT_TRUE(set_up(*store_));
  const AccessToken first = admit(*store_, "one", kAdmin).value();
  EXPECT_EQ(first.user, "oidc:ann");
  EXPECT_EQ(first.roles, kAdmin);
  EXPECT_EQ(first.issuer, "https://id");
  EXPECT_NE(admit(*store_, "two", kOperator)->id, first.id);
  const auto tokens = store_->access_tokens().value();
  ASSERT_EQ(tokens.size(), 2U);
  for (const AccessToken& token : tokens) {
    EXPECT_EQ(token.roles, kOperator);
    EXPECT_EQ(token.display, "Ann");
    EXPECT_EQ(token.issuer, "https://id");
  }
  const User user = store_->user("oidc:ann")->value();
  EXPECT_EQ(user.password, "");
  EXPECT_EQ(user.created_ms, 5U);
  const AccessToken api{.kind = AccessToken::Kind::api, .user = "oidc:ann", .hash = digest("api"), .note = "ci"};
  EXPECT_EQ(wait<AccessToken>([&](auto done) { store_->add_access_token(api, done); })->issuer, "https://id");
}

TEST_P(StoreContract, AnotherIssuersSubjectIsAnotherPerson) {
  ASSERT_TRUE(set_up(*store_));
  ASSERT_TRUE(admit(*store_, "one", kAdmin));
  ASSERT_TRUE(admit(*store_, "two", kOperator, "https://other"));
  const auto tokens = store_->access_tokens().value();
  ASSERT_EQ(tokens.size(), 1U) << "what the first had been given is gone";
  EXPECT_EQ(tokens[0].hash, digest("two"));
}

TEST_P(StoreContract, PeopleFromOutsideAreNotChangedHereAndAreNeverTheLastAdministrator) {
  ASSERT_TRUE(set_up(*store_));
  ASSERT_TRUE(admit(*store_, "one", kAdmin));
  const auto change = [&](UserChange wanted) { return wait<User>([&](auto done) { store_->change_user(wanted, done); }); };
  EXPECT_EQ(change({.name = "oidc:ann", .roles = kOperator}).error().code.number, kUserFromOutside.number);
  EXPECT_EQ(change({.name = "oidc:ann", .password = "hash"}).error().code.number, kUserFromOutside.number);
  EXPECT_EQ(change({.name = "admin", .roles = kOperator}).error().code.number, kLastAdmin.number);
  EXPECT_EQ(wait<>([&](auto done) { store_->delete_user("admin", done); }).error().code.number, kLastAdmin.number);
  EXPECT_TRUE(wait<>([&](auto done) { store_->delete_user("oidc:ann", done); }));
  EXPECT_TRUE(store_->access_tokens()->empty());
}

TEST_P(StoreContract, ANameWithAPasswordIsNotTaken) {
  ASSERT_TRUE(set_up(*store_));
  const OutsideUser user{.name = "admin", .issuer = "https://id", .roles = kAdmin, .now_ms = 5};
  const auto taken = wait<AccessToken>([&](auto done) { store_->admit_outside_user(user, {.hash = digest("s")}, done); });
  EXPECT_EQ(taken.error().code.number, kUserExists.number);
  EXPECT_EQ(store_->user("admin")->value().password, "hash");
}

}  // namespace
}  // namespace aloft::fleet
