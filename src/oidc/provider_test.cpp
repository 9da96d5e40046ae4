#include "oidc/provider.hpp"

#include <map>

#include "net/errors.hpp"
#include "oidc/errors.hpp"
#include "oidc/test_issuer.hpp"

namespace aloft::oidc {
namespace {

// Answers in the provider's place; counts what it is asked.
class ProviderTest : public ::testing::Test {
 protected:
  Result<net::Response> answer(const net::Request& request) {
    asked_[request.url]++;
    last_ = request;
    if (down_ || (keys_down_ && request.url.ends_with("/keys"))) return fail(net::kTimeout, "no byte came");
    net::Response response{.status = 200};
    if (request.url.ends_with("openid-configuration"))
      response.body = Json{{"issuer", "https://id.example"},
                           {"authorization_endpoint", "https://id.example/auth"},
                           {"token_endpoint", "https://id.example/token"},
                           {"jwks_uri", "https://id.example/keys"}}
                          .dump();
    if (request.url.ends_with("/keys")) response.body = key_set({key_.published()});
    if (request.url.ends_with("/token")) {
      response.status = token_status_;
      response.body = token_status_ == 200 ? Json{{"id_token", key_.sign("ES256", claims().dump())}}.dump() : token_error_;
    }
    return response;
  }
  Json claims() const {
    const std::int64_t now = std::chrono::duration_cast<std::chrono::seconds>(clock_.now().time_since_epoch()).count();
    return {{"iss", "https://id.example"}, {"aud", "c l"}, {"exp", now + 60}, {"iat", now}, {"nonce", ticket_.nonce}, {"sub", "ann"}};
  }
  std::uint16_t refusal(const Answer& answer) {
    const auto person = provider_.identify(answer, ticket_);
    return person ? 0 : person.error().code.number;
  }
  const Settings settings_{.name = "Example", .issuer = "https://id.example", .client_id = "c l", .client_secret = "s:t"};
  mutable FakeClock clock_;
  SeededRandom random_{3};
  const Ticket ticket_ = new_ticket(random_, "/", clock_.now());
  TestKey key_ = TestKey::p256("one");
  bool down_ = false;
  bool keys_down_ = false;
  unsigned token_status_ = 200;
  std::string token_error_;
  std::map<std::string, int> asked_;
  net::Request last_;
  Provider provider_{settings_, "https://up.example/api/v1/sso/callback", clock_, [this](const net::Request& r) { return answer(r); }};
};

TEST_F(ProviderTest, SendsPeopleWithStateNonceAndChallenge) {
  const std::string address = provider_.address_for(ticket_).value();
  EXPECT_EQ(address,
            "https://id.example/auth?response_type=code&client_id=c%20l&redirect_uri=https%3A%2F%2Fup.example%2Fapi%2Fv1%2Fsso%2Fcallback"
            "&scope=openid%20profile&state=" +
                ticket_.state + "&nonce=" + ticket_.nonce + "&code_challenge=" + challenge_of(ticket_) + "&code_challenge_method=S256");
  EXPECT_FALSE(address.contains(ticket_.verifier)) << "the verifier goes to the token endpoint only";
}

TEST_F(ProviderTest, TradesTheCodeForAPerson) {
  EXPECT_EQ(provider_.identify({.code = "the code"}, ticket_)->subject, "ann");
  EXPECT_EQ(provider_.identify({.code = "the code", .issuer = "https://id.example"}, ticket_)->subject, "ann");
  EXPECT_EQ(last_.body,
            "grant_type=authorization_code&code=the%20code&redirect_uri=https%3A%2F%2Fup.example%2Fapi%2Fv1%2Fsso%2Fcallback"
            "&code_verifier=" +
                ticket_.verifier);
  EXPECT_EQ(last_.headers.back().value, "Basic " + to_base64(as_bytes("c%20l:s%3At")));
  EXPECT_EQ(asked_["https://id.example/keys"], 1) << "kept";
  EXPECT_EQ(refusal({.code = "c", .issuer = "https://other.example"}), kTokenClaims.number);
}

TEST_F(ProviderTest, FetchesKeysAgainForAKeyThatIsNew) {
  EXPECT_EQ(refusal({.code = "c"}), 0);
  key_ = TestKey::p256("two");
  EXPECT_EQ(refusal({.code = "c"}), 0);
  EXPECT_EQ(asked_["https://id.example/keys"], 2);
  key_ = TestKey::p256("three");
  EXPECT_EQ(refusal({.code = "c"}), kTokenKey.number) << "not at every token";
  clock_.advance(kRefetchAfter);
  EXPECT_EQ(refusal({.code = "c"}), 0);
}

TEST_F(ProviderTest, FetchesKeysAgainForANewKeyInTheOldOnesName) {
  for (const char* name : {"one", ""}) {
    key_ = TestKey::p256(name);
    EXPECT_EQ(refusal({.code = "c"}), 0);
    clock_.advance(kRefetchAfter);
    key_ = TestKey::p256(name);
    EXPECT_EQ(refusal({.code = "c"}), 0) << "named \"" << name << "\"";
    key_ = TestKey::p256(name);
    EXPECT_EQ(refusal({.code = "c"}), kTokenSignature.number) << "not at every token";
    clock_.advance(kRefetchAfter);
  }
}

TEST_F(ProviderTest, KeysThatCannotBeFetchedAnewStayGood) {
  EXPECT_EQ(refusal({.code = "c"}), 0);
  const TestKey good = key_;
  key_ = TestKey::p256("one");
  keys_down_ = true;
  EXPECT_EQ(refusal({.code = "c"}), kTokenSignature.number);
  key_ = good;
  EXPECT_EQ(refusal({.code = "c"}), 0);
}

TEST_F(ProviderTest, KeepsDocumentsAsLongAsTheyAreFresh) {
  EXPECT_TRUE(provider_.address_for(ticket_));
  clock_.advance(std::chrono::minutes(59));
  EXPECT_TRUE(provider_.address_for(ticket_));
  EXPECT_EQ(asked_.size(), 1U);
  EXPECT_EQ(asked_.begin()->second, 1);
  clock_.advance(std::chrono::minutes(2));
  EXPECT_TRUE(provider_.address_for(ticket_));
  EXPECT_EQ(asked_.begin()->second, 2);
}

TEST_F(ProviderTest, IsNotAskedAgainAtOnceWhenItIsDown) {
  down_ = true;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(provider_.address_for(ticket_).error().code.number, kProviderDown.number);
  EXPECT_EQ(asked_.begin()->second, 1);
  down_ = false;
  clock_.advance(kRetryAfter);
  EXPECT_TRUE(provider_.address_for(ticket_));
}

TEST_F(ProviderTest, TellsWhatTheProviderComplainsOf) {
  token_status_ = 400;
  token_error_ = R"({"error":"invalid_client","error_description":"bad\nsecret"})";
  const auto refused = provider_.identify({.code = "the code"}, ticket_);
  EXPECT_EQ(refused.error().code.number, kProviderRefused.number);
  EXPECT_TRUE(refused.error().message.contains("\"invalid_client\" \"bad?secret\"")) << refused.error().message;
  token_status_ = 503;
  EXPECT_EQ(refusal({.code = "c"}), kProviderDown.number);
  provider_.stop();
  EXPECT_EQ(refusal({.code = "c"}), kProviderDown.number);
}

}  // namespace
}  // namespace aloft::oidc
