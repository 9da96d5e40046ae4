#include "oidc/key_set.hpp"

#include "oidc/errors.hpp"
#include "oidc/test_issuer.hpp"

namespace aloft::oidc {
namespace {

class KeySetTest : public ::testing::Test {
 protected:
  static std::uint16_t refusal(const KeySet& keys, const std::string& token) {
    const auto payload = keys.verify(token);
    return payload ? 0 : payload.error().code.number;
  }
  const TestKey rsa_ = TestKey::rsa("r");
  const TestKey p256_ = TestKey::p256("e");
  const KeySet keys_ = KeySet::parse(key_set({rsa_.published(), p256_.published()})).value();
};

TEST_F(KeySetTest, TakesWhatThePublishedKeysSigned) {
  EXPECT_EQ(keys_.verify(rsa_.sign("RS256", "{\"a\":1}")), "{\"a\":1}");
  EXPECT_EQ(keys_.verify(p256_.sign("ES256", "{}", {{"typ", "JWT"}})), "{}");
}

TEST_F(KeySetTest, RefusesEveryOtherAlgorithm) {
  for (const char* algorithm : {"RS384", "RS512", "PS256"})
    EXPECT_EQ(refusal(keys_, rsa_.sign(algorithm, "{}")), kTokenAlgorithm.number) << algorithm;
  for (const char* algorithm : {"none", "None", "NONE", "HS256", "HS512", "EdDSA", "", "rs256"})
    EXPECT_EQ(refusal(keys_, unsigned_token({{"alg", algorithm}, {"kid", "r"}}, "{}")), kTokenAlgorithm.number) << algorithm;
  EXPECT_EQ(refusal(keys_, unsigned_token({{"kid", "r"}}, "{}")), kTokenAlgorithm.number);
}

TEST_F(KeySetTest, TheWordsOfAPublicKeyAreNoSecret) {
  const TestKey symmetric = TestKey::symmetric(rsa_.published().dump());
  EXPECT_EQ(refusal(keys_, symmetric.sign("HS256", "{}", {{"kid", "r"}})), kTokenAlgorithm.number);
  const KeySet with_secret = KeySet::parse(key_set({Json{{"kty", "oct"}, {"k", "AAAA"}, {"kid", "o"}}, rsa_.published()})).value();
  EXPECT_EQ(with_secret.size(), 1U) << "a symmetric key is none";
}

TEST_F(KeySetTest, RefusesAnyOtherByte) {
  const std::string token = rsa_.sign("RS256", "{\"sub\":\"ann\"}");
  for (std::size_t at = 0; at < token.size(); at += 7) {
    std::string changed = token;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    if (changed == token) continue;
    EXPECT_NE(refusal(keys_, changed), 0) << at;
  }
  EXPECT_EQ(refusal(keys_, token.substr(0, token.rfind('.') + 1)), kTokenSignature.number) << "no signature";
}

TEST_F(KeySetTest, AKeyServesItsOwnAlgorithmAndIdOnly) {
  EXPECT_EQ(refusal(keys_, TestKey::rsa("r").sign("RS256", "{}")), kTokenSignature.number) << "another key under the same id";
  EXPECT_EQ(refusal(keys_, TestKey::rsa("x").sign("RS256", "{}")), kTokenKey.number);
  EXPECT_EQ(refusal(keys_, p256_.sign("ES256", "{}", {{"kid", "r"}})), kTokenKey.number);
}

TEST_F(KeySetTest, WithoutAnIdThereMustBeOneKey) {
  const TestKey nameless = TestKey::rsa("");
  const KeySet one = KeySet::parse(key_set({nameless.published(), p256_.published()})).value();
  EXPECT_TRUE(one.verify(nameless.sign("RS256", "{}")));
  const KeySet two = KeySet::parse(key_set({nameless.published(), rsa_.published()})).value();
  EXPECT_EQ(refusal(two, nameless.sign("RS256", "{}")), kTokenKey.number);
}

TEST_F(KeySetTest, RefusesExtensionsAndOtherKindsOfTokens) {
  EXPECT_EQ(refusal(keys_, rsa_.sign("RS256", "{}", {{"crit", {"b64"}}, {"b64", false}})), kTokenForm.number);
  EXPECT_EQ(refusal(keys_, rsa_.sign("RS256", "{}", {{"typ", "at+jwt"}})), kTokenForm.number);
  for (const char* text : {"", ".", "..", "a.b", "a.b.c.d", "!.!.!"}) EXPECT_EQ(refusal(keys_, text), kTokenForm.number) << text;
  EXPECT_EQ(refusal(keys_, std::string(kMaxTokenBytes + 1, 'a')), kTokenForm.number);
}

// RFC 7515, appendix A.3.
TEST(KeySets, AgreeWithTheStandardsExample) {
  const KeySet keys = KeySet::parse(R"({"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
                                    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})")
                          .value();
  const auto payload = keys.verify(
      "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");
  ASSERT_TRUE(payload) << payload.error().text();
  EXPECT_TRUE(payload->starts_with("{\"iss\":\"joe\""));
}

TEST(KeySets, KeepOnlyWhatCanSign) {
  const Json strong = TestKey::rsa("r").published();
  const auto kept = [&](const Json& change) {
    Json key = strong;
    if (!change.is_null()) key.merge_patch(change);
    return KeySet::parse(key_set({key})).value().size();
  };
  EXPECT_EQ(kept({}), 1U);
  EXPECT_EQ(kept({{"use", "sig"}, {"alg", "RS256"}, {"x5t", "other members are passed over"}}), 1U);
  EXPECT_EQ(kept({{"use", "enc"}}), 0U);
  EXPECT_EQ(kept({{"alg", "RS512"}}), 0U);
  EXPECT_EQ(kept({{"n", "not base64url!"}}), 0U);
  EXPECT_EQ(kept({{"kid", 5}}), 0U);
  EXPECT_EQ(kept({{"kty", "OKP"}}), 0U);
  EXPECT_EQ(KeySet::parse(key_set({TestKey::rsa("weak", 1024).published()}))->size(), 0U);
  Json off_curve = TestKey::p256("e").published();
  off_curve["x"] = off_curve["y"];
  EXPECT_EQ(KeySet::parse(key_set({off_curve}))->size(), 0U);
  for (const char* text : {"", "[]", "{}", "{\"keys\":{}}"}) EXPECT_EQ(KeySet::parse(text).error().code.number, kProviderAnswer.number);
}

}  // namespace
}  // namespace aloft::oidc
